import { useCallback, useEffect, useState, type SubmitEvent } from 'react';
import { ApiError, api, reasonOf } from '../api/client';
import type { Device, User } from '../api/types';
import { useSession } from '../session';
import { deviceName } from '../ui/device';
import { Field, FormError } from '../ui/field';
import { Shell } from '../ui/shell';
import { useNow } from '../ui/useNow';
import { useTask } from '../ui/useTask';
import { useTitle } from '../ui/useTitle';
import { when } from '../ui/when';
import '../styles/admin.css';

function NameForm({ user }: { user: User }) {
  const { enter } = useSession();
  const [name, setName] = useState(user.name);
  const [saved, setSaved] = useState(false);
  const { busy, problem, run } = useTask();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    setSaved(false);
    void run(async () => {
      const changed = await api.changeMe({ name: name.trim() });
      enter(changed);
      setName(changed.name);
      setSaved(true);
    });
  };
  return (
    <form className="form" onSubmit={submit}>
      <div className="name-form">
        <Field
          label="Your name"
          hint="Others see it beside your caret."
          autoComplete="name"
          required
          maxLength={100}
          value={name}
          onChange={(e) => {
            setName(e.target.value);
            setSaved(false);
          }}
        />
        <button type="submit" className="button" disabled={busy || name.trim() === user.name || name.trim() === ''}>
          {saved ? 'Saved' : 'Save name'}
        </button>
      </div>
      <FormError>{problem}</FormError>
    </form>
  );
}

function Devices() {
  const { leave } = useSession();
  const [devices, setDevices] = useState<Device[] | null>(null);
  const [problem, setProblem] = useState('');
  const task = useTask();
  const now = useNow(30_000);

  const failed = useCallback(
    (error: unknown) => {
      if (error instanceof ApiError && error.status === 401) leave();
      else setProblem(reasonOf(error));
    },
    [leave],
  );

  useEffect(() => {
    const abort = new AbortController();
    api.devices(abort.signal).then(setDevices, (error: unknown) => {
      if (!abort.signal.aborted) failed(error);
    });
    return () => {
      abort.abort();
    };
  }, [failed]);

  const end = (device: Device) =>
    task.run(async () => {
      try {
        await api.endDevice(device.id);
      } catch (error) {
        // It had ended by itself.
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      }
      setDevices((before) => before?.filter(({ id }) => id !== device.id) ?? null);
    });

  const others = devices?.filter(({ current }) => !current) ?? [];
  const endOthers = () =>
    task.run(async () => {
      await Promise.all(others.map(({ id }) => api.endDevice(id)));
      setDevices((before) => before?.filter(({ current }) => current) ?? null);
    });

  return (
    <section className="section" aria-labelledby="devices">
      <div className="section-head">
        <div>
          <h2 id="devices">Your devices</h2>
          <p className="quiet">Where you are logged in. A login ends by itself when it isn’t used for a while.</p>
        </div>
        {others.length > 1 ? (
          <button type="button" className="button button-small" disabled={task.busy} onClick={endOthers}>
            Log out all others
          </button>
        ) : null}
      </div>
      <FormError>{task.problem || problem}</FormError>
      {devices ? (
        <ul className="rows" data-testid="devices">
          {devices.map((device) => (
            <li key={device.id} className="row device" data-current={device.current}>
              <span className="device-main">
                <span className="row-title" title={device.userAgent}>
                  {deviceName(device.userAgent)}
                  {device.current ? <span className="tag">this device</span> : null}
                </span>
                <span className="device-facts">
                  <span>{device.address}</span>
                  <span title={new Date(device.createdAt).toLocaleString()}>
                    logged in {when(device.createdAt, now)}
                  </span>
                  {device.current ? null : (
                    <span title={new Date(device.lastSeen).toLocaleString()}>used {when(device.lastSeen, now)}</span>
                  )}
                </span>
              </span>
              {device.current ? null : (
                <button
                  type="button"
                  className="button button-quiet button-small"
                  disabled={task.busy}
                  aria-label={`Log out ${deviceName(device.userAgent)}, ${device.address}`}
                  onClick={() => end(device)}
                >
                  Log out
                </button>
              )}
            </li>
          ))}
        </ul>
      ) : problem ? null : (
        <p className="quiet">Reading the list…</p>
      )}
    </section>
  );
}

/** One's own name, and where one is logged in. */
export default function AccountPage({ user }: { user: User }) {
  useTitle('Your account');
  return (
    <Shell user={user}>
      <div className="page-head">
        <h1>Your account</h1>
      </div>
      <p className="quiet account-email">{user.email}</p>
      <NameForm user={user} />
      <Devices />
    </Shell>
  );
}
