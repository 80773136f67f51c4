import type { DocumentSession } from '../sync/documentSession';

/**
 * Holds back what others do while an input method composes in the text `dom`, until the returned function is called.
 * `read` puts what the browser has typed into the document: it comes before anything of others does.
 */
export function holdWhileComposing(session: DocumentSession, dom: HTMLElement, read: () => void): () => void {
  const end = () => {
    read();
    session.letGo();
  };
  // On the document, so that the editor has seen the end of the composition before.
  const ended = ({ target }: Event) => {
    if (target === dom) end();
  };
  dom.addEventListener('compositionstart', session.hold);
  dom.addEventListener('blur', end);
  document.addEventListener('compositionend', ended);
  return () => {
    dom.removeEventListener('compositionstart', session.hold);
    dom.removeEventListener('blur', end);
    document.removeEventListener('compositionend', ended);
    session.letGo();
  };
}
