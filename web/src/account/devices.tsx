import { useCallback, useEffect, useState } from 'react';
import { ApiError, api, reasonOf } from '../api/client';
import type { Device } from '../api/types';
import { useText } from '../i18n';
import { useSession } from '../session';
import { deviceName } from '../ui/device';
import { FormError } from '../ui/field';
import { useNow } from '../ui/useNow';
import { useTask } from '../ui/useTask';
import { fullTime, when } from '../ui/when';

/** The browsers in which one is logged in. */
export function Devices() {
  const t = useText();
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
          <h2 id="devices">{t('account.devices')}</h2>
          <p className="quiet">{t('account.devicesText')}</p>
        </div>
        {others.length > 1 ? (
          <button type="button" className="button button-small" disabled={task.busy} onClick={endOthers}>
            {t('account.endOthers')}
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
                  {device.current ? <span className="tag">{t('account.thisDevice')}</span> : null}
                </span>
                <span className="device-facts">
                  <span>{device.address}</span>
                  <span title={fullTime(device.createdAt)}>
                    {t('account.loggedIn', { when: when(device.createdAt, now) })}
                  </span>
                  {device.current ? null : (
                    <span title={fullTime(device.lastSeen)}>
                      {t('account.used', { when: when(device.lastSeen, now) })}
                    </span>
                  )}
                </span>
              </span>
              {device.current ? null : (
                <button
                  type="button"
                  className="button button-quiet button-small"
                  disabled={task.busy}
                  aria-label={t('account.endNamed', { device: deviceName(device.userAgent), address: device.address })}
                  onClick={() => end(device)}
                >
                  {t('account.end')}
                </button>
              )}
            </li>
          ))}
        </ul>
      ) : problem ? null : (
        <p className="quiet">{t('common.listing')}</p>
      )}
    </section>
  );
}
