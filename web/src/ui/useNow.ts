import { useEffect, useState } from 'react';

/** The time in milliseconds, moved on every `step` milliseconds, for saying how long ago things were. */
export function useNow(step: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => {
      setNow(Date.now());
    }, step);
    return () => {
      window.clearInterval(timer);
    };
  }, [step]);
  return now;
}
