import { Link } from '../router';
import { Notice } from '../ui/notice';

export function NotFoundPage() {
  return (
    <Notice title="There is nothing at this address">
      <p>The link may be mistyped, or incomplete.</p>
      <Link className="button" href="/">
        Go to your documents
      </Link>
    </Notice>
  );
}
