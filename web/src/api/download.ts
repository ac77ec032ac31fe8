/** Hands content to the browser as a file. */
export const save = (name: string, content: BlobPart) => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type: 'application/octet-stream' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

/** Fetches a file that only this session may have and hands it to the browser; false when there is none to have. */
export const download = async (address: string, name: string) => {
  const answer = await fetch(address, { headers: { 'graphql-require-preflight': '1' } }).catch(() => undefined);
  if (!answer?.ok) return false;
  save(name, await answer.blob());
  return true;
};
