import { endpoints, limits } from '@netport/protocol';
import { useId, useState } from 'preact/hooks';
import { call, fieldErrors } from '../api/client.js';
import { Dialog } from '../parts/dialog.js';
import { TextField } from '../parts/field.js';
import { Note } from '../parts/note.js';
import { TextOrFile } from '../parts/text-or-file.js';
import { announce } from '../state/announcement.js';
import { useFields } from '../state/fields.js';
import { noticeSignedOut } from '../state/session.js';

const empty = { name: '', pem: '', prefix: '' };

/** Whose devices to trust, and which portals they may be. The server says what is wrong with it. */
export function AddDeviceAuthority({ onClose }: { onClose: () => void }) {
  const { values, errors, setErrors, field } = useFields(empty);
  const [autoAdd, setAutoAdd] = useState(false);
  const [busy, setBusy] = useState(false);
  const autoAddHint = useId();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      const { name, pem, prefix } = values;
      const body = { name: name.trim(), pem, prefix: prefix.trim(), autoAdd };
      const added = await call(endpoints.deviceAuthority.add, { body });
      announce(`${added.name} is added.`);
      onClose();
    } catch (thrown) {
      setErrors(fieldErrors(thrown));
      setBusy(false);
      noticeSignedOut(thrown);
    }
  };
  return (
    <Dialog title="Add a device authority" onClose={onClose}>
      <form class="stack" noValidate onSubmit={(event) => void submit(event).catch(() => {})}>
        <div class="fields">
          <TextField label="Name" placeholder="acme" hint="Of the manufacturer" {...field('name')} />
          <TextField
            label="Prefix"
            placeholder="acme-"
            hint="The names of its portals begin with it"
            {...field('prefix')}
          />
        </div>
        <TextOrFile
          label="CA certificates, PEM"
          hint="The root, and those between it and the devices. To trust one product line only: its CA alone"
          placeholder="-----BEGIN CERTIFICATE-----"
          accept=".pem,.crt,.cer"
          maxBytes={limits.deviceAuthorityBytes}
          {...field('pem')}
        />
        <div>
          <label class="check">
            <input
              type="checkbox"
              name="autoAdd"
              aria-describedby={autoAddHint}
              checked={autoAdd}
              onChange={({ currentTarget }) => setAutoAdd(currentTarget.checked)}
            />
            Add a portal for each device that comes
          </label>
          <p class="soft small" id={autoAddHint}>
            Otherwise add the portal first: <span class="mono">acme-sn-77</span> for the serial number SN 77, where the
            prefix is <span class="mono">acme-</span>.
          </p>
        </div>
        {errors[''] && <Note tone="bad">{errors['']}</Note>}
        <div class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button first" disabled={busy}>
            Add
          </button>
        </div>
      </form>
    </Dialog>
  );
}
