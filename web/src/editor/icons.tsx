import type { ReactNode } from 'react';

const headingStem = 'M3.5 5v10M9.5 5v10M3.5 10h6';

// Drawn on a grid of 20 with a stroke of 1.6, in the colour of the text around them.
const shapes = {
  undo: <path d="M7.5 4.5 4 8l3.5 3.5M4.5 8H12a4 4 0 0 1 0 8H8" />,
  redo: <path d="M12.5 4.5 16 8l-3.5 3.5M15.5 8H8a4 4 0 0 0 0 8h4" />,
  text: <path d="M5 5.5V4h10v1.5M10 4v12M8 16h4" />,
  heading1: <path d={`${headingStem}M13 8.5l2-1.2V15`} />,
  heading2: <path d={`${headingStem}M12.6 9c.2-2.3 3.8-2.3 3.8 0 0 2-3.8 3.4-3.8 6h4`} />,
  heading3: <path d={`${headingStem}M12.6 7.6h3.6l-2.2 2.8c3.4 0 3.2 4.6 0 4.6-.9 0-1.6-.5-1.8-1.2`} />,
  bold: <path d="M6 4h4.8a3 3 0 0 1 0 6H6zM6 10h5.6a3 3 0 0 1 0 6H6z" strokeWidth="2" />,
  italic: <path d="M8.5 4h5M6.5 16h5M11.2 4 8.8 16" />,
  underline: <path d="M6 4v5.5a4 4 0 0 0 8 0V4M5 16.5h10" />,
  strike: (
    <path d="M4 10h12M13.6 6.6C13.2 5 11.8 4 10 4 8 4 6.4 5.1 6.4 6.9c0 .9.4 1.6 1.1 2.1M6.2 13.2c.4 1.7 1.9 2.8 3.9 2.8 2.2 0 3.7-1.2 3.7-2.9 0-.4-.1-.8-.2-1.1" />
  ),
  code: <path d="m7 6-4 4 4 4M13 6l4 4-4 4" />,
  link: (
    <path d="M8.3 11.7a3 3 0 0 0 4.3 0l2.8-2.8a3 3 0 0 0-4.3-4.3L10 5.7M11.7 8.3a3 3 0 0 0-4.3 0l-2.8 2.8a3 3 0 0 0 4.3 4.3l1.1-1.1" />
  ),
  bullets: (
    <>
      <path d="M8 5.5h8M8 10h8M8 14.5h8" />
      <path d="M4 5.5h.01M4 10h.01M4 14.5h.01" strokeWidth="2.4" />
    </>
  ),
  numbers: <path d="M9 5.5h7M9 10h7M9 14.5h7M3.6 4.4 4.8 4v4M3.4 12.6c.6-.8 2-.7 2 .3 0 .9-2 1.4-2 2.6h2.1" />,
  tasks: <path d="M10.5 6h6M10.5 14h6M3.5 6.2 5 7.7l3-3.4M3.5 14.2 5 15.7l3-3.4" />,
  quote: <path d="M4 5v10M8 6h8M8 10h8M8 14h5" />,
  block: <path d="M3.5 4.5h13v11h-13zM7.5 8 5.8 10l1.7 2M10.5 12.5h3" />,
  rule: <path d="M3 10h14M6 5.5h8M6 14.5h8" />,
  table: <path d="M3.5 4.5h13v11h-13zM3.5 8.2h13M3.5 11.8h13M8.8 8.2v7.3" />,
  image: (
    <>
      <path d="M3.5 4.5h13v11h-13zM3.8 14l3.7-4 3 3 2-2 3.7 3.6" />
      <path d="M12.6 7.8h.01" strokeWidth="2.2" />
    </>
  ),
  rowAbove: <path d="M3.5 10.5h13v6h-13zM10 2.8v5M7.5 5.3h5" />,
  rowBelow: <path d="M3.5 3.5h13v6h-13zM10 12.2v5M7.5 14.7h5" />,
  columnBefore: <path d="M10.5 3.5v13h6v-13zM2.8 10h5M5.3 7.5v5" />,
  columnAfter: <path d="M3.5 3.5v13h6v-13zM12.2 10h5M14.7 7.5v5" />,
  rowDelete: <path d="M3.5 3.5h13v5h-13zM7.5 12l5 5M12.5 12l-5 5" />,
  columnDelete: <path d="M3.5 3.5v13h5v-13zM12 7.5l5 5M17 7.5l-5 5" />,
  headerRow: (
    <>
      <path d="M3.5 4.5h13v11h-13zM3.5 8.5h13M10 8.5v7" />
      <path d="M4.5 6.5h11" strokeWidth="3" />
    </>
  ),
  merge: <path d="M3.5 4.5h13v11h-13zM5.5 10h2.8M14.5 10h-2.8M7 8.5 8.5 10 7 11.5M13 8.5 11.5 10l1.5 1.5" />,
  split: <path d="M3.5 4.5h13v11h-13zM10 4.5v11M13 8.8l1.2 1.2-1.2 1.2M7 8.8 5.8 10 7 11.2" />,
  trash: <path d="M4 5.8h12M8 5.5V3.8h4v1.7M5.5 5.8l.7 10.4h7.6l.7-10.4M8.4 8.8l.2 4.6M11.6 8.8l-.2 4.6" />,
  outline: <path d="M3.5 5h13M6.5 10h10M6.5 15h7" />,
  keyboard: <path d="M2.8 5.5h14.4v9H2.8zM5.5 8.4h.01M8.5 8.4h.01M11.5 8.4h.01M14.5 8.4h.01M6.5 11.7h7" />,
  open: <path d="M8 5H4.5v10.5H15V12M11 4h5v5M15.8 4.2 9.5 10.5" />,
  copy: <path d="M7 7h9v9H7zM4.5 13H4V4h9v.5" />,
  edit: <path d="m4 16 .8-3.4 8.4-8.4a1.6 1.6 0 0 1 2.3 0l.3.3a1.6 1.6 0 0 1 0 2.3l-8.4 8.4z" />,
  unlink: (
    <path d="m10.8 13.2-1.9 1.9a3 3 0 0 1-4.2-4.2l1.9-1.9M9.2 6.8l1.9-1.9a3 3 0 0 1 4.2 4.2l-1.9 1.9M4 4l12 12" />
  ),
  chevron: <path d="m6.5 8.2 3.5 3.5 3.5-3.5" />,
  close: <path d="m5.5 5.5 9 9M14.5 5.5l-9 9" />,
  eye: (
    <>
      <path d="M2.5 10S5 5 10 5s7.5 5 7.5 5-2.5 5-7.5 5-7.5-5-7.5-5z" />
      <circle cx="10" cy="10" r="2.2" />
    </>
  ),
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof shapes;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      width="20"
      height="20"
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {shapes[name]}
    </svg>
  );
}
