import { useEffect, useState, type ComponentType, type ReactNode } from 'react';

/** A part of the application that is fetched when it is shown first, unless that was asked for earlier. */
export interface OnDemand<Props> {
  /** Shows the part, and `waiting` until it is there. What can't be fetched is thrown, for an error boundary. */
  Part: ComponentType<Props & { waiting: ReactNode }>;
  /** Fetches the part, if it isn't there yet. */
  fetch: () => Promise<void>;
}

/**
 * Makes a part of the application of an import. What React has for this, `lazy` in a `Suspense`, shows a part no sooner
 * than 300 ms after what was shown in its place, however soon it has arrived.
 */
export function onDemand<Props extends object>(
  load: () => Promise<{ default: ComponentType<Props> }>,
): OnDemand<Props> {
  let arrived: ComponentType<Props> | null = null;
  let coming: Promise<void> | null = null;

  const fetch = (): Promise<void> => {
    coming ??= load().then(
      (module) => {
        arrived = module.default;
      },
      (error: unknown) => {
        // The next who shows it asks again.
        coming = null;
        throw error;
      },
    );
    return coming;
  };

  function Part({ waiting, ...props }: Props & { waiting: ReactNode }) {
    const [shown, setShown] = useState({ Body: arrived });
    useEffect(() => {
      if (shown.Body) return;
      let left = false;
      fetch().then(
        () => {
          if (!left) setShown({ Body: arrived });
        },
        (error: unknown) => {
          if (left) return;
          setShown(() => {
            throw error;
          });
        },
      );
      return () => {
        left = true;
      };
    }, [shown]);
    const { Body } = shown;
    return Body ? <Body {...(props as unknown as Props)} /> : waiting;
  }

  return { Part, fetch };
}
