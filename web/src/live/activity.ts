import { t } from '../i18n';
import { isDated, when } from '../ui/when';

/** Somebody who did nothing for this long is idle, in milliseconds. The server tells of activity every 10 s. */
export const idleAfter = 120_000;

/** Whether somebody did something lately; `now` is in milliseconds, by the server's clock. */
export function isActive(lastActive: string, now: number): boolean {
  const then = Date.parse(lastActive);
  return !Number.isNaN(then) && now - then < idleAfter;
}

/** Says when somebody did something last: "active now", "active 5 minutes ago". */
export function activityOf(lastActive: string, now: number): string {
  if (isActive(lastActive, now)) return t('active.now');
  const said = when(lastActive, now);
  return isDated(lastActive, now) ? t('active.on', { when: said }) : t('active.ago', { when: said });
}
