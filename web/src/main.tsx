// First, so that the pages' own styles come after them.
import './styles/base.css';
import './styles/shell.css';
import './styles/live.css';
import './styles/pages.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { api } from './api/client';
import { App } from './app';
import { preferredLanguage, speakLanguage } from './i18n';
import { SessionProvider } from './session';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no element with the id "root"');

const asked = api.whoAmI();
// Before it is shown nobody hears of a failure, and that is no failure of its own.
asked.catch(() => undefined);

const start = () => {
  createRoot(root).render(
    <StrictMode>
      <SessionProvider asked={asked}>
        <App />
      </SessionProvider>
    </StrictMode>,
  );
};

// Texts that can't be loaded are no reason to show nothing: English is there always.
speakLanguage(preferredLanguage()).then(start, start);
