import type { ReceiptFilterInput } from '../api/gql/graphql';

/** The filter as it stands in the address, so that it can be kept and sent on. */
export const readFilter = (query: URLSearchParams): ReceiptFilterInput | undefined => {
  const day = (name: string, shift: number) => { const value = query.get(name); return value ? new Date(Date.parse(`${value}T00:00:00`) + shift).toISOString() : undefined; };
  const filter = {
    kinds: query.get('kind') ? [query.get('kind')!] : undefined,
    action: query.get('action') ?? undefined,
    actor: query.get('actor') ?? undefined,
    run: query.get('run') ?? undefined,
    subject: query.get('subject') || undefined,
    since: day('since', 0),
    until: day('until', 86_400_000),
  };
  return Object.values(filter).some((v) => v !== undefined) ? filter : undefined;
};
