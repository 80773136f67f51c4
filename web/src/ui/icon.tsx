import type { ReactNode } from 'react';

// Drawn on a grid of 20 with a stroke of 1.5, in the colour of the text around them.
const shapes = {
  bell: (
    <path d="M10 3a4.5 4.5 0 0 0-4.5 4.5c0 4-1.6 5.2-1.6 6.4h12.2c0-1.2-1.6-2.4-1.6-6.4A4.5 4.5 0 0 0 10 3ZM8.2 16.4a2 2 0 0 0 3.6 0" />
  ),
  close: <path d="m5 5 10 10M15 5 5 15" />,
  plus: <path d="M10 4.5v11M4.5 10h11" />,
  search: <path d="M9 4a5 5 0 1 1 0 10A5 5 0 0 1 9 4Zm3.8 8.8L16 16" />,
  page: (
    <path d="M6 3h5.5L15 6.5v9A1.5 1.5 0 0 1 13.5 17h-7.500A1.5 1.5 0 0 1 4.5 15.500v-11A1.5 1.5 0 0 1 6 3ZM11.5 3v3.500H15M7.5 10h4.500M7.5 13h4.5" />
  ),
  code: <path d="m7 6.5-3.5 3.500L7 13.500M13 6.500l3.5 3.500L13 13.500M11.2 5l-2.4 10" />,
  home: <path d="M3.5 9.5 10 4l6.5 5.500M5 8.500V16h10V8.500M8.5 16v-4h3v4" />,
  person: <path d="M10 3.500a3 3 0 1 1 0 6 3 3 0 0 1 0-6ZM4 16.500c.4-3.2 2.8-4.7 6-4.700s5.6 1.5 6 4.7" />,
  people: (
    <path d="M7.5 4.500a2.7 2.7 0 1 1 0 5.4 2.7 2.7 0 0 1 0-5.400ZM2.5 16c.3-2.8 2.3-4.1 5-4.100s4.7 1.3 5 4.100M12.6 4.700a2.7 2.7 0 0 1 0 5M14.3 12.200c1.8.5 2.9 1.8 3.2 3.8" />
  ),
  shared: <path d="M13 4.5 17 8.500l-4 4M16.5 8.500H10A5.5 5.5 0 0 0 4.5 14v1.5" />,
  trash: <path d="M4 5.500h12M8 5.500v-2h4v2M5.5 5.500l.7 11h7.600l.7-11M8.5 8.500v5M11.5 8.500v5" />,
  pulse: <path d="M2.5 10.500h3.300l2.2-6 4 11 2.2-5h3.3" />,
  list: (
    <path d="M5.5 3.500h9A1.5 1.5 0 0 1 16 5v10a1.5 1.5 0 0 1-1.5 1.500h-9A1.5 1.5 0 0 1 4 15V5a1.5 1.5 0 0 1 1.5-1.500ZM7 7.500h6M7 10.500h6M7 13.500h3.5" />
  ),
  key: (
    <path d="M12.8 3.700a3.5 3.5 0 1 1-1.7 6.500l-1.5 1.500H8v1.600H6.400v1.600H3.500v-2.500l5.9-5.900a3.5 3.5 0 0 1 3.4-2.800ZM13.5 6.500h.01" />
  ),
  more: <path d="M4.5 10h.01M10 10h.01M15.5 10h.01" strokeWidth="2.6" />,
  menu: <path d="M3.5 6h13M3.5 10h13M3.5 14h13" />,
  calendar: (
    <path d="M5 4.500h10A1.500 1.500 0 0 1 16.500 6v9a1.500 1.500 0 0 1-1.500 1.500H5A1.500 1.500 0 0 1 3.500 15V6A1.500 1.500 0 0 1 5 4.500ZM3.500 8.500h13M7 3v3M13 3v3" />
  ),
  check: <path d="m4.5 10.5 3.7 3.7 7.3-8" />,
  chevron: <path d="m6 8 4 4 4-4" />,
  link: (
    <path d="M8.5 11.500a3 3 0 0 0 4.2 0l2.6-2.600a3 3 0 0 0-4.2-4.200l-.9.900M11.5 8.500a3 3 0 0 0-4.2 0l-2.6 2.600a3 3 0 0 0 4.2 4.200l.9-.9" />
  ),
  copy: (
    <path d="M7.5 7.500h7.500a1 1 0 0 1 1 1V16a1 1 0 0 1-1 1H7.500a1 1 0 0 1-1-1V8.500a1 1 0 0 1 1-1ZM13.5 7V4.500a1 1 0 0 0-1-1H5a1 1 0 0 0-1 1V12a1 1 0 0 0 1 1h1.5" />
  ),
  pencil: <path d="M12.5 4.5 15.5 7.5 7 16H4v-3zM10.8 6.200l3 3" />,
  open: <path d="M11 4h5v5M16 4l-7.5 7.500M8 5H5a1 1 0 0 0-1 1v9a1 1 0 0 0 1 1h9a1 1 0 0 0 1-1v-3" />,
  restore: <path d="M4 4.500v4h4M4.3 8.300A6.2 6.2 0 1 1 4 11.5" />,
  sun: (
    <path d="M10 6.800a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.400ZM10 2.500v1.200M10 16.300v1.200M2.5 10h1.200M16.3 10h1.200M4.7 4.700l.9.900M14.4 14.400l.9.900M15.3 4.700l-.9.900M5.6 14.400l-.9.9" />
  ),
  moon: <path d="M16 11.800A6.5 6.5 0 0 1 8.2 4 6.5 6.5 0 1 0 16 11.800Z" />,
  screen: <path d="M3.5 4.500h13v9h-13zM7.5 16.500h5M10 13.500v3" />,
  leave: <path d="M8 4H5a1 1 0 0 0-1 1v10a1 1 0 0 0 1 1h3M12.5 6.5 16 10l-3.5 3.500M16 10H8" />,
  settings: <path d="M3.5 6h7M14.5 6h2M3.5 14h2M9.5 14h7M12.5 4v4M7.5 12v4" />,
  book: (
    <path d="M4.5 4.500A1.5 1.5 0 0 1 6 3h9.500v14H6a1.5 1.5 0 0 1-1.5-1.500zM4.5 14.500A1.5 1.5 0 0 1 6 13.500h9.5" />
  ),
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof shapes;

/** A drawing beside words; on its own it needs a name from what it is in. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {shapes[name]}
    </svg>
  );
}
