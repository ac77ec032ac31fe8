import { AlertDialog as RadixAlert, Dialog as RadixDialog } from 'radix-ui';
import { Loader2, X } from 'lucide-react';
import { type ButtonHTMLAttributes, type ReactNode, type TextareaHTMLAttributes, type InputHTMLAttributes, useId } from 'react';

type Tone = 'neutral' | 'good' | 'warn' | 'bad' | 'info' | 'accent';

const tones: Record<Tone, string> = {
  neutral: 'bg-sunken text-soft border-line',
  good: 'bg-good-soft text-good border-transparent',
  warn: 'bg-warn-soft text-warn border-transparent',
  bad: 'bg-bad-soft text-bad border-transparent',
  info: 'bg-info-soft text-info border-transparent',
  accent: 'bg-accent-soft text-accent-text border-transparent',
};

/** Who has to agree: holders of a role, or one person by name. */
export const asked = (gate: { role: string; person?: { name: string } | null }) => gate.person?.name ?? gate.role;

export const Badge = ({ tone = 'neutral', children }: { tone?: Tone; children: ReactNode }) => (
  <span className={`inline-flex items-center gap-1 whitespace-nowrap rounded-full border px-2 py-0.5 text-xs font-medium ${tones[tone]}`}>{children}</span>
);

const states: Record<string, [Tone, string]> = {
  AWAITING_APPROVAL: ['warn', 'Waiting for approval'],
  QUEUED: ['info', 'Queued'],
  RUNNING: ['info', 'Running'],
  SUCCEEDED: ['good', 'Succeeded'],
  FAILED: ['bad', 'Failed'],
  DENIED: ['bad', 'Denied'],
  PREFLIGHT_FAILED: ['bad', 'Preflight failed'],
  REJECTED: ['bad', 'Rejected'],
  EXPIRED: ['neutral', 'Expired'],
  CANCELLED: ['neutral', 'Withdrawn'],
  NOT_NEEDED: ['neutral', 'Not needed'],
  HELD: ['warn', 'Held by a stop'],
  UNKNOWN: ['warn', 'Outcome unknown'],
  ENGAGED: ['bad', 'Stop engaged'],
  RELEASED: ['good', 'Stop released'],
};

export const StateBadge = ({ state }: { state: string }) => {
  const [tone, text] = states[state] ?? ['neutral', words(state)];
  return <Badge tone={tone}>{text}</Badge>;
};

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & { look?: 'primary' | 'plain' | 'quiet' | 'danger'; busy?: boolean; hint?: string };

const looks = {
  primary: 'bg-accent text-accent-ink border-transparent hover:brightness-110 shadow-xs',
  plain: 'bg-surface text-ink border-line-strong hover:bg-sunken shadow-xs',
  quiet: 'bg-transparent text-soft border-transparent hover:bg-sunken hover:text-ink',
  danger: 'bg-surface text-bad border-line-strong hover:bg-bad-soft shadow-xs',
};

export const Button = ({ look = 'plain', busy, hint, children, className = '', disabled, ...rest }: ButtonProps) => (
  <button
    type="button"
    {...rest}
    disabled={disabled || busy}
    className={`inline-flex h-9 shrink-0 items-center justify-center gap-2 whitespace-nowrap rounded-lg border px-3.5 text-sm font-medium transition-colors disabled:opacity-55 ${looks[look]} ${className}`}
  >
    {busy && <Loader2 aria-hidden className="size-4 animate-spin" />}
    {children}
    {hint && <kbd aria-hidden className="ml-0.5 rounded border border-current/25 px-1 font-mono text-[11px] leading-4 opacity-75">{hint}</kbd>}
  </button>
);

/** The look of a select or a date above a list. */
export const filterControl = 'h-9 w-full rounded-lg border border-line-strong bg-surface px-2 text-sm text-ink';

export const Card = ({ children, className = '' }: { children: ReactNode; className?: string }) => (
  <section className={`rounded-xl border border-line bg-surface ${className}`}>{children}</section>
);

/** A titled part of a page. */
export const Panel = ({ title, note, action, flush, children }: { title: string; note?: string; action?: ReactNode; flush?: boolean; children: ReactNode }) => (
  <Card>
    <div className="flex items-baseline justify-between gap-3 border-b border-line px-5 py-3"><h2 className="text-sm font-semibold">{title}</h2>{note && <span className="text-[13px] text-faint">{note}</span>}{action}</div>
    <div className={flush ? '' : 'px-5 py-4'}>{children}</div>
  </Card>
);

/** A key to press. */
export const Key = ({ children }: { children: string }) => <kbd className="ml-2 rounded border border-line-strong bg-surface px-1.5 font-mono text-xs">{children}</kbd>;

export const PageTitle = ({ title, children, lead }: { title: string; children?: ReactNode; lead?: ReactNode }) => (
  <header className="mb-6 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
    <div>
      <h1 className="text-[1.6rem] font-semibold leading-tight tracking-tight">{title}</h1>
      {lead && <p className="mt-1 max-w-2xl text-soft">{lead}</p>}
    </div>
    {children && <div className="flex items-center gap-2">{children}</div>}
  </header>
);

export const Empty = ({ icon, title, children }: { icon: ReactNode; title: string; children?: ReactNode }) => (
  <div className="flex flex-col items-center rounded-xl border border-dashed border-line-strong px-6 py-16 text-center">
    <div aria-hidden className="mb-3 grid size-11 place-items-center rounded-full bg-sunken text-faint [&>svg]:size-5">{icon}</div>
    <h2 className="font-medium">{title}</h2>
    {children && <p className="mt-1 max-w-md text-sm text-soft">{children}</p>}
  </div>
);

export const Problem = ({ message, retry }: { message: string; retry?: () => void }) => (
  <div role="alert" className="flex flex-wrap items-center justify-between gap-3 rounded-xl border border-bad/30 bg-bad-soft px-4 py-3 text-sm text-bad">
    <span>{message}</span>
    {retry && <Button look="danger" onClick={retry}>Try again</Button>}
  </div>
);

export const Loading = ({ rows = 4 }: { rows?: number }) => (
  <div role="status" aria-label="Loading" className="space-y-3">
    {Array.from({ length: rows }, (_, i) => (
      <div key={i} className="h-[4.5rem] animate-pulse rounded-xl bg-sunken" />
    ))}
  </div>
);

const control =
  'w-full rounded-lg border border-line-strong bg-surface px-3 py-2 text-sm text-ink shadow-xs placeholder:text-faint focus:border-accent focus:outline-2 focus:outline-offset-0 focus:outline-accent/40 aria-invalid:border-bad';

export const Field = ({ label, help, error, children }: { label: string; help?: string; error?: string; children: (props: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true; className: string }) => ReactNode }) => {
  const id = useId();
  const note = error ?? help;
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-sm font-medium">{label}</label>
      {children({ id, className: control, ...(note ? { 'aria-describedby': `${id}-note` } : {}), ...(error ? { 'aria-invalid': true as const } : {}) })}
      {note && <p id={`${id}-note`} className={`mt-1 text-[13px] ${error ? 'text-bad' : 'text-faint'}`}>{note}</p>}
    </div>
  );
};

export const Input = (props: InputHTMLAttributes<HTMLInputElement>) => <input {...props} />;
export const TextArea = (props: TextareaHTMLAttributes<HTMLTextAreaElement>) => <textarea {...props} />;

const panel = 'fixed left-1/2 top-[8vh] z-50 flex max-h-[84vh] w-[calc(100vw-2rem)] max-w-xl -translate-x-1/2 flex-col overflow-hidden rounded-2xl border border-line bg-raised shadow-2xl';
const veil = 'fixed inset-0 z-40 bg-black/45';

export const Dialog = ({ open, onClose, title, lead, children }: { open: boolean; onClose: () => void; title: string; lead?: string; children: ReactNode }) => (
  <RadixDialog.Root open={open} onOpenChange={(now) => !now && onClose()}>
    <RadixDialog.Portal>
      <RadixDialog.Overlay className={veil} />
      <RadixDialog.Content className={panel} {...(lead ? {} : { 'aria-describedby': undefined })}>
        <div className="flex items-start justify-between gap-4 border-b border-line px-5 py-4">
          <div>
            <RadixDialog.Title className="font-semibold">{title}</RadixDialog.Title>
            {lead && <RadixDialog.Description className="mt-0.5 text-sm text-soft">{lead}</RadixDialog.Description>}
          </div>
          <RadixDialog.Close aria-label="Close" className="rounded-md p-1 text-faint hover:bg-sunken hover:text-ink"><X className="size-4" /></RadixDialog.Close>
        </div>
        {children}
      </RadixDialog.Content>
    </RadixDialog.Portal>
  </RadixDialog.Root>
);

/** Asks for a reason before something that can't be shrugged off. */
export const ReasonDialog = ({ open, title, lead, action, danger, busy, error, onClose, onSubmit, initial = '', codes = [], extra }: {
  open: boolean; title: string; lead: string; action: string; danger?: boolean; busy: boolean; error?: string; initial?: string; codes?: { code: string; label: string }[]; extra?: ReactNode; onClose: () => void; onSubmit: (reason: string, code?: string) => void;
}) => (
  <RadixAlert.Root open={open} onOpenChange={(now) => !now && onClose()}>
    <RadixAlert.Portal>
      <RadixAlert.Overlay className={veil} />
      <RadixAlert.Content className={panel}>
        <form
          onSubmit={(e) => {
            e.preventDefault();
            const form = new FormData(e.currentTarget);
            onSubmit(String(form.get('reason')).trim(), form.get('code') ? String(form.get('code')) : undefined);
          }}
        >
          <div className="px-5 py-4">
            <RadixAlert.Title className="font-semibold">{title}</RadixAlert.Title>
            <RadixAlert.Description className="mb-4 mt-0.5 text-sm text-soft">{lead}</RadixAlert.Description>
            {extra && <div className="mb-4">{extra}</div>}
            {codes.length > 0 && <div className="mb-4"><Field label="Kind of reason">{(p) => <select {...p} name="code" required autoFocus><option value="">Choose</option>{codes.map((c) => <option key={c.code} value={c.code}>{c.label}</option>)}</select>}</Field></div>}
            <Field label={codes.length > 0 ? 'Note' : 'Reason'} help="Goes into the receipt." error={error}>{(p) => <TextArea {...p} name="reason" rows={3} required maxLength={2000} autoFocus={codes.length === 0} defaultValue={initial} />}</Field>
          </div>
          <div className="flex justify-end gap-2 border-t border-line bg-sunken/60 px-5 py-3">
            <Button onClick={onClose}>Back</Button>
            <Button type="submit" look={danger ? 'danger' : 'primary'} busy={busy}>{action}</Button>
          </div>
        </form>
      </RadixAlert.Content>
    </RadixAlert.Portal>
  </RadixAlert.Root>
);

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

export const Ago = ({ at }: { at: string }) => {
  const seconds = (Date.parse(at) - Date.now()) / 1000;
  const [value, unit] = Math.abs(seconds) < 60 ? [seconds, 'second' as const] : Math.abs(seconds) < 3600 ? [seconds / 60, 'minute' as const] : Math.abs(seconds) < 86400 ? [seconds / 3600, 'hour' as const] : [seconds / 86400, 'day' as const];
  const text = Math.abs(seconds) < 10 ? 'just now' : relative.format(Math.round(value), unit);
  return <time dateTime={at} title={new Date(at).toLocaleString()} className="whitespace-nowrap">{text}</time>;
};

export const words = (name: string) => name.charAt(0).toUpperCase() + name.slice(1).toLowerCase().replaceAll('_', ' ');
