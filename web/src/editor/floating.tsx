import { autoUpdate, computePosition, flip, offset, shift, type Placement } from '@floating-ui/dom';
import { useLayoutEffect, useRef, type HTMLAttributes } from 'react';

interface Props extends HTMLAttributes<HTMLDivElement> {
  /** Where on the screen it belongs; asked again whenever something moves. Null while there is no such place. */
  place: () => DOMRect | null;
  /** The element whose scrolling moves the place. */
  around: Element;
  placement?: Placement;
  /** How far from the place, in CSS pixels. */
  gap?: number;
  'data-testid'?: string;
}

/** A box that stays beside a place in the text, inside the window. */
export function Floating({ place, around, placement = 'bottom-start', gap = 8, className = '', ...rest }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const shown = box.current;
    if (!shown) return;
    const reference = { getBoundingClientRect: () => place() ?? new DOMRect(), contextElement: around };
    const move = () => {
      const at = place();
      shown.style.visibility = at ? 'visible' : 'hidden';
      if (!at) return;
      void computePosition(reference, shown, {
        strategy: 'fixed',
        placement,
        middleware: [offset(gap), flip({ padding: 8 }), shift({ padding: 8 })],
      }).then(({ x, y }) => {
        // Not by a transform: that would make this box the ground of a box inside it.
        shown.style.left = `${Math.round(x)}px`;
        shown.style.top = `${Math.round(y)}px`;
      });
    };
    return autoUpdate(reference, shown, move);
  });
  return <div ref={box} className={`floating ${className}`} {...rest} />;
}
