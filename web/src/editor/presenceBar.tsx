import { useSyncExternalStore } from 'react';
import { useText, type Translate } from '../i18n';
import { activityOf } from '../live/activity';
import type { RosterState } from '../live/roster';
import { participants, type Participant, type Present } from '../sync/presence';
import { Avatar } from '../ui/avatar';
import { colourOf } from '../ui/colour';
import { Popover } from '../ui/popover';
import { useNow } from '../ui/useNow';
import type { Follow } from './follow';
import { Icon } from './icons';

/** How many avatars fit the bar; the others are counted. */
const most = 5;

function called(t: Translate, person: Present): string {
  return person.self ? t('editor.people.you', { name: person.name }) : person.name;
}

function doing(t: Translate, { self, role, lastActive, active, places }: Participant, now: number): string {
  const words: string[] = [];
  if (role) words.push(t(role === 'owner' || role === 'editor' ? 'editor.people.canEdit' : 'editor.viewOnly'));
  if (!self && lastActive) words.push(active ? t('editor.people.active') : activityOf(lastActive, now));
  if (places > 1) words.push(t('editor.people.places', { n: places }));
  return words.join(' · ');
}

/** Who has the document open now, on any server. A click on a face follows that person; the last button lists all. */
export function PresenceBar({ present, roster, follow }: { present: Present[]; roster: RosterState; follow: Follow }) {
  const t = useText();
  const now = useNow(15_000) + roster.ahead;
  const followed = useSyncExternalStore(follow.subscribe, follow.snapshot);
  const people = participants(present, roster, now);
  const shown = people.length > most ? people.slice(0, most - 1) : people;
  const more = people.length - shown.length;
  const partial = roster.known && !roster.complete;
  const toggle = ({ id, name }: Present) => {
    if (followed?.id === id) follow.stop();
    else follow.start(id, name);
  };
  return (
    <div className="presence" data-testid="presence">
      <div className="presence-faces">
        {partial ? (
          <span className="presence-partial" title={t('editor.people.partial')} aria-hidden="true">
            !
          </span>
        ) : null}
        {shown.map((person) =>
          person.self ? (
            <span key={person.id} className="presence-face" data-user={person.name} data-active={person.active}>
              <Avatar id={person.id} name={person.name} title={called(t, person)} />
            </span>
          ) : (
            <button
              key={person.id}
              type="button"
              className="presence-face"
              data-user={person.name}
              data-active={person.active}
              aria-pressed={followed?.id === person.id}
              aria-label={t('editor.follow.follow', { name: person.name })}
              style={{ '--who': colourOf(person.id) }}
              onClick={() => {
                toggle(person);
              }}
            >
              <Avatar
                id={person.id}
                name={person.name}
                title={`${t('editor.follow.follow', { name: person.name })} · ${doing(t, person, now)}`}
              />
            </button>
          ),
        )}
        {more > 0 ? <span className="avatar avatar-more">+{more}</span> : null}
      </div>
      <Popover
        label={t('editor.people.here')}
        testId="presence-menu"
        triggerClass="presence-open"
        triggerLabel={`${t('editor.people.list')}: ${t('editor.people.count', { n: people.length })}`}
        trigger={<Icon name="chevron" />}
      >
        {(close) => (
          <>
            <h2 className="presence-head">
              {t('editor.people.here')} <span className="quiet">{people.length}</span>
            </h2>
            {partial ? <p className="presence-scope">{t('editor.people.partial')}.</p> : null}
            <ul className="presence-list" data-testid="presence-list">
              {people.map((person) => (
                <li key={person.id} data-active={person.active}>
                  <span className="presence-face" data-active={person.active}>
                    <Avatar id={person.id} name={person.name} />
                  </span>
                  <span className="presence-who">
                    <span className="presence-name">{called(t, person)}</span>
                    <span className="presence-doing">{doing(t, person, now)}</span>
                  </span>
                  {person.self ? null : (
                    <button
                      type="button"
                      className="icon-button"
                      aria-pressed={followed?.id === person.id}
                      aria-label={t('editor.follow.follow', { name: person.name })}
                      title={t('editor.follow.follow', { name: person.name })}
                      onClick={() => {
                        toggle(person);
                        close();
                      }}
                    >
                      <Icon name="eye" />
                    </button>
                  )}
                </li>
              ))}
            </ul>
          </>
        )}
      </Popover>
      <span className="visually-hidden" role="status" data-testid="presence-scope">
        {partial ? t('editor.people.partial') : ''}
      </span>
    </div>
  );
}
