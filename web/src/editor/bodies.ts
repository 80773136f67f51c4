import { onDemand } from '../onDemand';

/** What shows a document's text, by the document's kind: each is a large part of its own, of which few need both. */
export const bodies = {
  rich: onDemand(() => import('./richDocument')),
  text: onDemand(() => import('./plainDocument')),
};
