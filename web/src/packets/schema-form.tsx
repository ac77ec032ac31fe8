import { useEffect, useRef } from 'react';
import { Field, Input, TextArea } from '../ui/ui';

export type Property = {
  type?: string | string[]; title?: string; description?: string; format?: string; enum?: unknown[]; maxLength?: number; minLength?: number; minimum?: number; maximum?: number; pattern?: string;
};
export type Schema = { required?: string[]; properties?: Record<string, Property> };

/** What a field is chosen from that the schema itself does not list. */
export type Choices = (property: Property) => { none: string; options: { value: string; label: string }[] } | undefined;
export type Values = Record<string, string>;

const inputTypes: Record<string, string> = { date: 'date', email: 'email', uri: 'url', time: 'time' };

const isLong = (p: Property) => p.format === 'markdown' || (p.maxLength ?? 0) > 300 || p.type === 'object' || p.type === 'array';

/** The fields as somebody would fill them in: what is short and asked for first, long texts last. A schema is kept without an order of its own. */
export const fieldsOf = (schema: Schema): [string, Property][] =>
  Object.entries(schema.properties ?? {}).sort(([a, x], [b, y]) => Number(isLong(x)) - Number(isLong(y)) || Number(!schema.required?.includes(a)) - Number(!schema.required?.includes(b)));

/** What a value looks like while it is edited. */
export const write = (schema: Schema, payload: Record<string, unknown>): Values => Object.fromEntries(
  Object.entries(schema.properties ?? {}).filter(([name]) => payload[name] !== undefined).map(([name]) => {
    const value = payload[name];
    return [name, typeof value === 'string' ? value : JSON.stringify(value, null, 2)];
  }),
);

/** What was typed, as the schema has it; what can't be read comes back by name. */
export const read = (schema: Schema, values: Values): { payload: Record<string, unknown>; faults: Record<string, string> } => {
  const payload: Record<string, unknown> = {};
  const faults: Record<string, string> = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const text = values[name] ?? '';
    if (text === '') continue;
    if (property.type === 'string' || (property.enum && property.enum.includes(text))) payload[name] = text;
    else if (property.type === 'integer' || property.type === 'number') {
      payload[name] = Number(text);
      if (Number.isNaN(payload[name])) faults[name] = 'This is not a number.';
    } else if (property.type === 'boolean') payload[name] = text === 'true';
    else {
      try { payload[name] = JSON.parse(text); } catch { faults[name] = 'This is not valid JSON. Text needs quotation marks.'; }
    }
  }
  return { payload, faults };
};

/** Faults of an answer by the field that they concern; what concerns none of them is left over. */
export const byField = (schema: Schema, faults: { path: string; message: string }[], prefix: string) => {
  const fields: Record<string, string> = {};
  const rest: string[] = [];
  for (const fault of faults) {
    const name = fault.path.startsWith(prefix) ? fault.path.slice(prefix.length).split('/')[1] : undefined;
    if (name && schema.properties?.[name]) fields[name] = fields[name] ? `${fields[name]}; ${fault.message}` : fault.message;
    else rest.push(`${fault.path.replace(/^\//, '') || 'It'} ${fault.message}`);
  }
  return { fields, rest };
};

/** A form made from a JSON Schema. */
export const SchemaForm = ({ schema, values, faults, onChange, choices }: { schema: Schema; values: Values; faults: Record<string, string>; onChange: (values: Values) => void; choices?: Choices }) => {
  const form = useRef<HTMLDivElement>(null);
  const first = fieldsOf(schema).find(([name]) => faults[name])?.[0];

  // What has to be mended may lie out of sight.
  useEffect(() => { if (first) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus(); }, [first]);
  return (
    <div ref={form} className="space-y-4">
      {fieldsOf(schema).map(([name, property]) => {
        const required = schema.required?.includes(name);
        return (
          <Field key={name} label={`${property.title ?? name}${required ? '' : ' (optional)'}`} help={property.description} error={faults[name]}>
            {(p) => {
              const common = { ...p, name, value: values[name] ?? '', required, onChange: (e: { target: { value: string } }) => onChange({ ...values, [name]: e.target.value }) };
              const chosen = choices?.(property);
              if (chosen) return <select {...common}><option value="">{chosen.none}</option>{chosen.options.map((o) => <option key={o.value} value={o.value}>{o.label}</option>)}</select>;
              if (property.enum) return <select {...common}><option value="">{required ? 'Choose' : 'None'}</option>{property.enum.map((o) => <option key={String(o)} value={String(o)}>{String(o)}</option>)}</select>;
              if (property.type === 'boolean') return <select {...common}><option value="">{required ? 'Choose' : 'Not said'}</option><option value="true">Yes</option><option value="false">No</option></select>;
              if (property.type === 'integer' || property.type === 'number') return <Input {...common} type="number" min={property.minimum} max={property.maximum} step={property.type === 'number' ? 'any' : 1} />;
              if (property.type === 'string' && (property.format === 'markdown' || (property.maxLength ?? 0) > 300)) return <TextArea {...common} rows={property.format === 'markdown' ? 10 : 4} maxLength={property.maxLength} className={`${p.className} ${property.format === 'markdown' ? 'font-mono' : ''}`} />;
              if (property.type === 'string') return <Input {...common} type={inputTypes[property.format ?? ''] ?? 'text'} maxLength={property.maxLength} />;
              return <TextArea {...common} rows={4} placeholder="JSON" className={`${p.className} font-mono`} />;
            }}
          </Field>
        );
      })}
    </div>
  );
};
