import { useCallback, useEffect, useState, type ReactNode } from 'react';
import type { User } from '../api/types';
import type { DocumentSession } from '../sync/documentSession';
import { Bubble } from './bubble';
import { bringIntoSight, type Follow } from './follow';
import { caretsOf } from './carets';
import type { Request } from './commands';
import { Help } from './help';
import { ImageDialog } from './imageDialog';
import { ImageCard, LinkCard } from './linkCard';
import { LinkDialog } from './linkDialog';
import { Outline } from './outline';
import { SlashMenu } from './slashMenu';
import { Lengths, StatusBar } from './statusBar';
import { EditorSurface } from './surface';
import { TableBar } from './tableBar';
import { Toolbar } from './toolbar';
import { useDocumentEditor } from './useDocumentEditor';
import { useFacts } from './useFacts';
import { roomForOutline } from './useOutline';

/** What the page of a document gives to the kind of text that it shows. */
export interface BodyProps {
  session: DocumentSession;
  user: User;
  title: string;
  mayWrite: boolean;
  loaded: boolean;
  ended: boolean;
  follow: Follow;
  outline: boolean;
  setOutline: (open: boolean) => void;
  /** What must be read before going on; `text` gives the document's text as it is here. */
  banner: (text: () => string) => ReactNode;
}

/** A document of formatted text. */
export default function RichDocument(props: BodyProps) {
  const { session, user, mayWrite, loaded, ended, follow, outline, setOutline, banner } = props;
  const editor = useDocumentEditor(session, user, mayWrite && loaded && !ended);
  const { length, headings } = useFacts(editor);
  const [asked, setAsked] = useState<Request | null>(null);
  const done = useCallback(() => {
    setAsked(null);
  }, []);
  const writes = mayWrite && !ended;

  useEffect(
    () =>
      follow.attach((userId) => {
        const mark = caretsOf(editor.view.dom, userId).at(-1);
        if (mark) bringIntoSight(mark);
        return mark !== undefined;
      }),
    [follow, editor],
  );

  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const command = event.ctrlKey || event.metaKey;
      const writing =
        event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable=true]');
      if ((command && event.key === '/') || (event.key === '?' && !command && !writing)) {
        event.preventDefault();
        setAsked('help');
      } else if (command && !event.altKey && event.key.toLowerCase() === 'k' && editor.isEditable && editor.isFocused) {
        event.preventDefault();
        setAsked('link');
      } else if (command && event.altKey && event.code === 'KeyO') {
        event.preventDefault();
        setOutline(!outline);
      }
    };
    document.addEventListener('keydown', key);
    return () => {
      document.removeEventListener('keydown', key);
    };
  }, [editor, outline, setOutline]);

  const closeOutline = () => {
    setOutline(false);
  };

  return (
    <>
      {writes ? <Toolbar editor={editor} request={setAsked} /> : null}
      {banner(() => editor.getText({ blockSeparator: '\n\n' }))}
      <div className="stage" data-outline={outline}>
        {outline ? (
          <aside className="stage-side">
            <Outline
              editor={editor}
              headings={headings}
              onClose={closeOutline}
              onLeave={() => {
                if (!window.matchMedia(roomForOutline).matches) closeOutline();
              }}
            />
            <div className="stage-lengths">
              <Lengths length={length} />
            </div>
          </aside>
        ) : null}
        {outline ? <div className="stage-veil" onClick={closeOutline} /> : null}
        <EditorSurface editor={editor} loaded={loaded} failed={ended} />
      </div>
      <StatusBar editor={editor} length={length} request={setAsked} />
      {writes && loaded ? (
        <>
          <SlashMenu editor={editor} request={setAsked} />
          <Bubble editor={editor} request={setAsked} />
          <TableBar editor={editor} />
          <LinkCard editor={editor} request={setAsked} />
          <ImageCard editor={editor} request={setAsked} />
        </>
      ) : null}
      {asked === 'link' ? <LinkDialog editor={editor} onClose={done} /> : null}
      {asked === 'image' ? <ImageDialog editor={editor} onClose={done} /> : null}
      {asked === 'help' ? <Help onClose={done} /> : null}
    </>
  );
}
