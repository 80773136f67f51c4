/** One event of a text/event-stream. */
export interface StreamEvent {
  name: string;
  data: string;
  /** The last id that the stream has named, with this event or before it. */
  id: string;
}

/** No event of ours comes near this many characters; more is not a stream of events. */
const longest = 8 << 20;

/**
 * Reads text/event-stream piece by piece, as the HTML standard's "Interpreting an event stream" says, lines ended by LF,
 * CR or both. The browser's own EventSource is not used because it hides what we need: the status of a refusal, the
 * heartbeat's comments, and a say in when it connects again.
 */
export class EventReader {
  /** The last id seen, to resume after. */
  lastId = '';
  /** The pause before a new connection that the server asks for, in milliseconds, or null. */
  retry: number | null = null;

  #rest = '';
  #started = false;
  #afterCarriageReturn = false;
  #name = '';
  #data: string[] = [];
  #size = 0;

  /** Forgets an unfinished event, as at the begin of a new connection. The last id stays. */
  restart(): void {
    this.#rest = '';
    this.#started = false;
    this.#afterCarriageReturn = false;
    this.#clear();
  }

  /** Takes the next piece of the stream and answers the events that it completes. */
  push(piece: string): StreamEvent[] {
    let text = piece;
    if (!this.#started && text) {
      this.#started = true;
      if (text.startsWith('\ufeff')) text = text.slice(1);
    }
    if (this.#afterCarriageReturn && text.startsWith('\n')) text = text.slice(1);
    if (piece) this.#afterCarriageReturn = text.endsWith('\r');

    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? '';
    const events: StreamEvent[] = [];
    for (const line of lines) {
      const event = this.#line(line);
      if (event) events.push(event);
    }
    if (this.#rest.length + this.#size > longest) throw new Error('an event is too long');
    return events;
  }

  #line(line: string): StreamEvent | null {
    if (line === '') {
      const event = this.#data.length > 0 ? this.#event() : null;
      this.#clear();
      return event;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return null; // a comment: the heartbeat
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    switch (field) {
      case 'event':
        this.#name = value;
        break;
      case 'data':
        this.#data.push(value);
        this.#size += value.length;
        break;
      case 'id':
        if (!value.includes('\0')) this.lastId = value;
        break;
      case 'retry':
        if (/^\d{1,9}$/.test(value)) this.retry = Number(value);
        break;
    }
    return null;
  }

  #event(): StreamEvent {
    return { name: this.#name || 'message', data: this.#data.join('\n'), id: this.lastId };
  }

  #clear(): void {
    this.#name = '';
    this.#data = [];
    this.#size = 0;
  }
}
