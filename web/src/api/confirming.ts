/** What an act wants confirmed before it is done. */
export type Needed = { confirmationId: string; methods: string[]; what: string };

type Answer = { data?: Record<string, { errors?: ({ __typename: string } & Partial<Needed>)[] } | null> | null };

let ask: (needed: Needed) => Promise<boolean> = async () => false;

/** Says who asks the person. */
export const askBy = (asker: typeof ask) => { ask = asker; };

/** Sends a request; when a mutation answers that it has to be confirmed, asks the person and sends the very same one again. */
export const confirmingFetch: typeof fetch = async (input, init) => {
  if (typeof init?.body !== 'string' || !init.body.includes('"mutation')) return fetch(input, init);

  const body = JSON.parse(init.body) as { query: string };
  const request = { ...init, body: JSON.stringify({ ...body, query: body.query.replaceAll(/\berrors \{/g, 'errors { ... on ConfirmationNeeded { confirmationId methods what }') }) };
  const answer = await fetch(input, request);
  const needed = neededBy((await answer.clone().json().catch(() => ({}))) as Answer);
  return needed && (await ask(needed)) ? fetch(input, request) : answer;
};

const neededBy = (answer: Answer): Needed | undefined => {
  for (const payload of Object.values(answer.data ?? {})) {
    const found = payload?.errors?.find((e) => e.confirmationId);
    if (found) return found as unknown as Needed;
  }
  return undefined;
};
