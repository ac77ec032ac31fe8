import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const server = 'http://localhost:5080';

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: { outDir: '../src/Api/wwwroot', emptyOutDir: true, chunkSizeWarningLimit: 800 },
  server: { proxy: { '/graphql': { target: server, ws: true }, '/session': server, '/connect': server, '/p': server } },
});
