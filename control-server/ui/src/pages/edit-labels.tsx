import { endpoints, type Labels, labelsMax, NetportError } from '@netport/protocol';
import { useState } from 'preact/hooks';
import { call, inWords } from '../api/client.js';
import { formatLabels, parseLabels } from '../model/labels.js';
import { Dialog } from '../parts/dialog.js';
import { TextField } from '../parts/field.js';
import { announce } from '../state/announcement.js';
import { noticeSignedOut } from '../state/session.js';
import type { MemberKind } from './add-member.js';

interface EditLabelsProps {
  kind: MemberKind;
  name: string;
  labels: Labels;
  onSaved: () => void;
  onClose: () => void;
}

/** All labels of one portal or relay, as a text. */
export function EditLabels({ kind, name, labels, onSaved, onClose }: EditLabelsProps) {
  const [text, setText] = useState(formatLabels(labels));
  const [error, setError] = useState<string>();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const parsed = parseLabels(text);
    if ('error' in parsed) return setError(parsed.error);
    try {
      await call(endpoints[kind].change, { params: { name }, body: parsed });
      announce(`The labels of ${name} are saved.`);
      onSaved();
      onClose();
    } catch (thrown) {
      setError(thrown instanceof NetportError && thrown.fields[0] ? thrown.fields[0].message : inWords(thrown));
      noticeSignedOut(thrown);
    }
  };
  return (
    <Dialog title={`Labels of ${name}`} onClose={onClose}>
      <form class="stack" noValidate onSubmit={(event) => void submit(event).catch(() => {})}>
        <TextField
          label="Labels"
          name="labels"
          value={text}
          placeholder="site=berlin, role=spare"
          onValue={(value) => {
            setText(value);
            setError(undefined);
          }}
          error={error}
          hint={`At most ${labelsMax}, with commas between them.${kind === 'portal' ? ' Grants that select by label follow at once.' : ''}`}
        />
        <div class="dialog-foot">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button first">
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
