import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react';
import { api, reasonOf } from '../api/client';
import type { Person } from '../api/types';
import { useText } from '../i18n';
import { Avatar } from '../ui/avatar';
import { Icon } from '../ui/icon';

/** How long a typist has to pause before people are looked up, in milliseconds. */
const pause = 150;

/** Finds a person by name or address, as one types: a combobox with a list of who was found. */
export function PersonPicker({
  chosen,
  onChoose,
  hasAccess,
}: {
  chosen: Person | null;
  onChoose: (person: Person | null) => void;
  /** Those who need not be found again. */
  hasAccess: (id: string) => boolean;
}) {
  const t = useText();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [query, setQuery] = useState('');
  const [found, setFound] = useState<{ query: string; people: Person[]; problem: string } | null>(null);
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(false);
  const wanted = query.trim();

  useEffect(() => {
    if (wanted === '') return;
    const abort = new AbortController();
    const timer = window.setTimeout(() => {
      api.findPeople(wanted, abort.signal).then(
        (people) => {
          setFound({ query: wanted, people, problem: '' });
          setAt(0);
        },
        (error: unknown) => {
          if (!abort.signal.aborted) setFound({ query: wanted, people: [], problem: reasonOf(error) });
        },
      );
    }, pause);
    return () => {
      window.clearTimeout(timer);
      abort.abort();
    };
  }, [wanted]);

  const people = wanted === '' ? [] : (found?.people.filter((person) => !hasAccess(person.id)) ?? []);
  const listed = open && people.length > 0;
  const settled = found !== null && found.query === wanted && wanted !== '';
  const outcome = !settled
    ? ''
    : found.problem ||
      (people.length > 0
        ? t('share.found', { n: people.length })
        : found.people.length > 0
          ? t('share.everybody')
          : t('share.nobody'));

  const take = (person: Person) => {
    onChoose(person);
    setQuery('');
    setFound(null);
    setOpen(false);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    // Enter and arrows that end or correct a syllable are the input method's.
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setOpen(true);
      const step = event.key === 'ArrowDown' ? 1 : -1;
      if (people.length > 0) setAt((at + step + people.length) % people.length);
    } else if (event.key === 'Enter' && listed) {
      event.preventDefault();
      const person = people[at];
      if (person) take(person);
    } else if (event.key === 'Escape' && open && wanted !== '') {
      // Closes the list, not the dialog.
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
    }
  };

  if (chosen) {
    return (
      <div className="picker picked">
        <Avatar id={chosen.id} name={chosen.name} small />
        <span className="picked-name">
          {chosen.name} <span className="quiet">{chosen.email}</span>
        </span>
        <button
          type="button"
          className="icon-button picked-clear"
          aria-label={t('share.removeNamed', { name: chosen.name })}
          autoFocus
          onClick={() => {
            onChoose(null);
            window.setTimeout(() => field.current?.focus(), 0);
          }}
        >
          <Icon name="close" size={14} />
        </button>
      </div>
    );
  }

  return (
    <div className="picker">
      <input
        ref={field}
        role="combobox"
        aria-label={t('share.person')}
        aria-expanded={listed}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={listed ? `${id}-${at}` : undefined}
        aria-describedby={`${id}-outcome`}
        placeholder={t('share.search')}
        autoComplete="off"
        autoFocus
        value={query}
        onChange={(event) => {
          setQuery(event.target.value);
          setOpen(true);
        }}
        onKeyDown={onKeyDown}
        onBlur={() => {
          setOpen(false);
        }}
      />
      <ul id={`${id}-list`} className="picker-list" role="listbox" aria-label={t('share.person')} hidden={!listed}>
        {people.map((person, index) => (
          <li
            key={person.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === at}
            onPointerDown={(event) => {
              // Before the field loses the focus, and the list goes.
              event.preventDefault();
              take(person);
            }}
            onPointerMove={() => {
              setAt(index);
            }}
          >
            <Avatar id={person.id} name={person.name} />
            <span className="person-who">
              <span className="row-title">{person.name}</span>
              <span className="row-detail">{person.email}</span>
            </span>
          </li>
        ))}
      </ul>
      <p
        id={`${id}-outcome`}
        className={settled && people.length === 0 ? 'picker-outcome' : 'visually-hidden'}
        role="status"
      >
        {outcome}
      </p>
    </div>
  );
}
