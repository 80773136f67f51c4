/** The mark: two carets in one line of text. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg className="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" className="logo-ground" />
      <path d="M10 8v16M7 8h6M7 24h6" className="logo-first" />
      <path d="M21 8v16M18 8h6M18 24h6" className="logo-second" />
    </svg>
  );
}
