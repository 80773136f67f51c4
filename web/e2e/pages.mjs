// Every page and what can be opened on it, for whoever looks at all of them: by eye, with axe-core, in each language.

/** Opens the account menu, the bell or the like: the button in the whole with a test id. */
const press = (id) => (page) => page.getByTestId(id).getByRole('button').first().click();

const shows = (id) => (page) => page.getByTestId(id).first().waitFor();
const heading = (page) => page.locator('main:not([aria-busy=true]) h1').waitFor();

const inTurn =
  (...steps) =>
  async (page) => {
    for (const step of steps) await step(page);
  };

const loaded = (page) => page.locator('.surface[data-loaded=true]').waitFor();
const clicks = (id) => (page) => page.getByTestId(id).click();

/**
 * What there is to see in a company: a name, the e-mail address of who looks (or none), the address, and what has to be
 * there before one looks.
 */
export function pages({ member, admin, newcomer, plan, documents, invitation, reset }) {
  const editor = `/d/${plan.id}`;
  const secret = ({ pathname, hash }) => pathname + hash;
  const read = documents['Brand guidelines'];
  return [
    { name: 'login', path: '/login', ready: heading },
    {
      name: 'login-wrong',
      path: '/login',
      ready: async (page) => {
        await page.locator('input[type=email]').fill('jonas@example.org');
        await page.locator('input[type=password]').fill('not my password');
        await page.locator('button[type=submit]').click();
        await page.getByRole('alert').waitFor();
      },
    },
    { name: 'setup', path: '/setup#token=none', ready: heading },
    { name: 'setup-no-token', path: '/setup', ready: heading },
    { name: 'invite', path: secret(invitation), ready: heading },
    { name: 'invite-dead', path: '/invite', ready: heading },
    { name: 'reset', path: `${secret(reset)}&reset=1`, ready: heading },
    { name: 'docs', path: '/docs', ready: (page) => page.getByText('BizSync').first().waitFor() },
    { name: 'empty', as: newcomer, path: '/', ready: shows('empty') },
    { name: 'empty-shared', as: newcomer, path: '/shared', ready: shows('empty') },
    { name: 'empty-trash', as: newcomer, path: '/trash', ready: shows('empty') },
    { name: 'empty-keys', as: newcomer, path: '/account/keys', ready: shows('no-keys') },
    { name: 'list', as: admin, path: '/', ready: shows('documents') },
    { name: 'list-member', as: member, path: '/', ready: shows('documents') },
    {
      name: 'list-end',
      as: admin,
      path: '/',
      ready: inTurn(shows('documents'), (page) =>
        page.getByTestId('documents').locator('li').last().scrollIntoViewIfNeeded(),
      ),
    },
    {
      name: 'list-menu',
      as: admin,
      path: '/',
      ready: inTurn(press('documents'), (page) => page.getByRole('menuitem').first().waitFor()),
    },
    {
      name: 'list-kinds',
      as: admin,
      path: '/',
      ready: inTurn(shows('documents'), (page) => page.locator('.split-more').click(), shows('new-text')),
    },
    {
      name: 'rename',
      as: admin,
      path: '/',
      ready: inTurn(press('documents'), (page) => page.getByRole('menuitem').nth(2).click(), shows('rename')),
    },
    {
      name: 'search',
      as: admin,
      path: '/',
      ready: inTurn(
        shows('documents'),
        (page) => page.locator('#search').fill('plan'),
        (page) => page.getByTestId('documents').locator('li').nth(3).waitFor({ state: 'detached' }),
      ),
    },
    {
      name: 'search-none',
      as: admin,
      path: '/',
      ready: inTurn(
        shows('documents'),
        (page) => page.locator('#search').fill('balance sheet 2019'),
        shows('no-match'),
      ),
    },
    { name: 'owned', as: member, path: '/owned', ready: shows('documents') },
    { name: 'shared', as: member, path: '/shared', ready: shows('documents') },
    { name: 'trash', as: admin, path: '/trash', ready: shows('documents') },
    {
      name: 'trash-purge',
      as: admin,
      path: '/trash',
      ready: inTurn(shows('documents'), (page) => page.locator('.doc-acts button').nth(1).click(), shows('confirm')),
    },
    { name: 'notices', as: member, path: '/', ready: inTurn(press('bell'), shows('notices')) },
    { name: 'notices-none', as: newcomer, path: '/', ready: inTurn(press('bell'), shows('no-notices')) },
    { name: 'account-menu', as: admin, path: '/', ready: inTurn(shows('documents'), press('me'), shows('logout')) },
    {
      name: 'drawer',
      as: admin,
      path: '/',
      ready: inTurn(shows('documents'), async (page) => {
        const opener = page.locator('.top-menu');
        if (await opener.isVisible()) await opener.click();
      }),
    },
    { name: 'account', as: member, path: '/account', ready: shows('devices') },
    {
      name: 'devices',
      as: member,
      path: '/account',
      ready: inTurn(shows('devices'), (page) => page.getByTestId('devices').scrollIntoViewIfNeeded()),
    },
    { name: 'keys', as: admin, path: '/account/keys', ready: shows('keys') },
    { name: 'new-key', as: admin, path: '/account/keys', ready: inTurn(clicks('create-key'), shows('new-key')) },
    { name: 'people', as: admin, path: '/people', ready: shows('people') },
    { name: 'add-person', as: admin, path: '/people', ready: inTurn(clicks('invite'), shows('add-person')) },
    {
      name: 'person-delete',
      as: admin,
      path: '/people',
      ready: inTurn(
        shows('people'),
        (page) => page.locator('[data-user="Jonas Weber"] .menu button').click(),
        (page) => page.getByRole('menuitem').last().click(),
        shows('confirm'),
      ),
    },
    { name: 'people-member', as: member, path: '/people', ready: heading },
    { name: 'admin', as: admin, path: '/admin', ready: inTurn(shows('statistics'), shows('nodes')) },
    {
      name: 'admin-end',
      as: admin,
      path: '/admin',
      ready: inTurn(shows('nodes'), (page) => page.getByTestId('nodes').scrollIntoViewIfNeeded()),
    },
    { name: 'audit', as: admin, path: '/admin/audit', ready: shows('audit') },
    {
      name: 'audit-none',
      as: admin,
      path: '/admin/audit',
      ready: inTurn(
        shows('audit'),
        (page) => page.locator('.filters select').first().selectOption('admin.'),
        shows('no-entries'),
      ),
    },
    { name: 'not-found', as: member, path: '/nowhere', ready: heading },
    { name: 'no-document', as: member, path: '/d/nothing', ready: heading },
    { name: 'editor', as: admin, path: editor, ready: loaded },
    { name: 'share', as: admin, path: editor, ready: inTurn(loaded, clicks('share'), shows('members')) },
    {
      name: 'share-search',
      as: admin,
      path: editor,
      ready: inTurn(
        loaded,
        clicks('share'),
        shows('members'),
        (page) => page.getByRole('combobox').first().fill('to'),
        (page) => page.getByRole('option').first().waitFor(),
      ),
    },
    {
      name: 'share-member',
      as: admin,
      path: `/d/${read.id}`,
      ready: inTurn(loaded, clicks('share'), shows('members')),
    },
    {
      name: 'leave',
      as: admin,
      path: `/d/${read.id}`,
      ready: inTurn(loaded, clicks('share'), clicks('leave'), shows('confirm')),
    },
    {
      name: 'audit-calendar',
      as: admin,
      path: '/admin/audit',
      ready: inTurn(
        shows('audit'),
        (page) => page.locator('.date-button').first().click(),
        (page) => page.getByRole('grid').waitFor(),
      ),
    },
    // The last, since it ends the connections of who is in that document.
    {
      name: 'list-trashed',
      as: admin,
      path: '/',
      ready: async (page) => {
        await press('documents')(page);
        await page.getByRole('menuitem').last().click();
        await page.locator('.flash').waitFor();
        await page.locator('.flash-act').click();
        await page.locator('.flash-act').waitFor({ state: 'detached' });
      },
    },
  ];
}
