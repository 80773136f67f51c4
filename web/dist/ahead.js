// Asks the server what every page begins with, and a document's page besides, while the application is still on its
// way; src/api/request.ts takes the answers.
{
  const addresses = ['/api/v1/session'];
  const [, id] = /^\/d\/([^/]+)\/?$/.exec(location.pathname) ?? [];
  if (id) addresses.push(`/api/v1/documents/${id}`);
  window.ahead = new Map(
    addresses.map((address) => {
      const answer = fetch(address, { credentials: 'same-origin', headers: { Accept: 'application/json' } });
      // Whoever takes it is told.
      answer.catch(() => undefined);
      return [address, answer];
    }),
  );
}
