import type { AuditEntry } from '../api/types';
import { t, type TextKey } from '../i18n';
import { en } from '../i18n/en';

type Act = Extract<TextKey, `act.${string}`>;

/** What was done, in words; what a newer server records may have none. */
export function actOf(entry: AuditEntry): string {
  const key = `act.${entry.action}`;
  return key in en ? t(key as Act) : entry.action;
}

/** Whether an entry is about something that others should look at. */
export function isGrave({ action }: AuditEntry): boolean {
  return action === 'session.failed' || /\.(delete|purge|disable|disconnect)$/.test(action);
}

/** Where a thing of an entry is shown, or null. */
export function linkOf({ action, subject }: AuditEntry): string | null {
  const shown = /^(document|token)\./.test(action) && !action.endsWith('.purge');
  return shown && subject ? `/d/${encodeURIComponent(subject)}` : null;
}

/** A day of a date field as the moments at which it begins and ends here. */
export function dayOf(date: string): { begin: string; end: string } | null {
  const begin = new Date(`${date}T00:00:00`);
  if (Number.isNaN(begin.getTime())) return null;
  const end = new Date(begin);
  end.setDate(end.getDate() + 1);
  return { begin: begin.toISOString(), end: end.toISOString() };
}
