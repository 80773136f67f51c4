import type { ReactNode } from 'react';

// Drawn on a grid of 20 with a stroke of 1.6, in the colour of the text around them.
const shapes = {
  undo: <path d="M7.5 4.5 4 8l3.5 3.5M4.5 8H12a4 4 0 0 1 0 8H8" />,
  redo: <path d="M12.5 4.5 16 8l-3.5 3.5M15.5 8H8a4 4 0 0 0 0 8h4" />,
  bold: <path d="M6 4h4.8a3 3 0 0 1 0 6H6zM6 10h5.6a3 3 0 0 1 0 6H6z" strokeWidth="2" />,
  italic: <path d="M8.5 4h5M6.5 16h5M11.2 4 8.8 16" />,
  strike: (
    <path d="M4 10h12M13.6 6.6C13.2 5 11.8 4 10 4 8 4 6.4 5.1 6.4 6.9c0 .9.4 1.6 1.1 2.1M6.2 13.2c.4 1.7 1.9 2.8 3.9 2.8 2.2 0 3.7-1.2 3.7-2.9 0-.4-.1-.8-.2-1.1" />
  ),
  code: <path d="m7 6-4 4 4 4M13 6l4 4-4 4" />,
  bullets: (
    <>
      <path d="M8 5.5h8M8 10h8M8 14.5h8" />
      <path d="M4 5.5h.01M4 10h.01M4 14.5h.01" strokeWidth="2.4" />
    </>
  ),
  numbers: <path d="M9 5.5h7M9 10h7M9 14.5h7M3.6 4.4 4.8 4v4M3.4 12.6c.6-.8 2-.7 2 .3 0 .9-2 1.4-2 2.6h2.1" />,
  quote: <path d="M4 5v10M8 6h8M8 10h8M8 14h5" />,
  block: <path d="M3.5 4.5h13v11h-13zM7.5 8 5.8 10l1.7 2M10.5 12.5h3" />,
  rule: <path d="M3 10h14M6 5.5h8M6 14.5h8" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof shapes;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      width="20"
      height="20"
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {shapes[name]}
    </svg>
  );
}
