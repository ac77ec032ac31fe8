/** Sends a file and tells how far it is, which fetch can't. */
export const upload = <Answer>(address: string, file: File, type: string, onProgress: (share: number) => void) =>
  new Promise<{ answer?: Answer; problem?: string }>((done) => {
    const request = new XMLHttpRequest();
    request.open('POST', address);
    request.setRequestHeader('graphql-require-preflight', '1');
    request.setRequestHeader('content-type', type);
    request.upload.onprogress = (e) => onProgress(e.total ? e.loaded / e.total : 0);
    request.onerror = () => done({ problem: 'The file did not arrive. It may be too large, or the connection was lost.' });
    request.onload = () => {
      let answer = {} as Answer & { message?: string };
      try { answer = JSON.parse(request.responseText || '{}') as typeof answer; } catch { /* Something on the way answered, not the server. */ }
      done(request.status === 201 ? { answer } : { problem: answer.message ?? 'The file was not taken.' });
    };
    request.send(file);
  });

export const bytes = (size: number) => (size < 1024 ? `${size} B` : size < 1024 * 1024 ? `${Math.round(size / 1024)} kB` : `${(size / 1024 / 1024).toFixed(1)} MB`);
