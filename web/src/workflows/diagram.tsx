import { Background, Controls, Handle, MarkerType, Position, ReactFlow } from '@xyflow/react';
import '@xyflow/react/dist/style.css';
import { useMemo } from 'react';

export type Document = {
  states: Record<string, { title: string; kind?: string; task?: { title: string; role: string } }>;
  transitions: Record<string, { title: string; from: string[]; to: string; action?: { run: string }; gates?: { role: string; quorum?: number }[]; after?: string; automatic?: boolean; otherwise?: { to: string; compensate?: boolean }; changes?: string }>;
};

type StateData = { title: string; kind?: string; task?: string; count?: number; here: boolean };

const StateNode = ({ data }: { data: StateData }) => (
  <div className={`w-48 rounded-xl border px-3 py-2.5 text-left shadow-xs ${data.here ? 'border-accent bg-accent-soft ring-2 ring-accent/40' : data.kind === 'final' ? 'border-line bg-sunken' : 'border-line-strong bg-surface'}`}>
    <Handle type="target" position={Position.Left} className="!size-1.5 !border-0 !bg-line-strong" />
    <div className="flex items-baseline justify-between gap-2 text-sm font-semibold text-ink"><span>{data.title}</span>{data.count != null && <span className="text-[13px] font-normal tabular-nums text-faint">{data.count}</span>}</div>
    <div className="mt-0.5 text-xs text-faint">{data.here ? 'The packet is here' : data.kind === 'initial' ? 'Begins here' : data.kind === 'final' ? 'An end' : (data.task ?? ' ')}</div>
    <Handle type="source" position={Position.Right} className="!size-1.5 !border-0 !bg-line-strong" />
  </div>
);

const kinds = { state: StateNode };

/** Columns by how far a state is from the beginning; ends in the last one. */
const layout = (document: Document) => {
  const names = Object.keys(document.states);
  const depth = new Map<string, number>();
  const start = names.find((n) => document.states[n]!.kind === 'initial') ?? names[0];
  const queue = start ? [start] : [];
  if (start) depth.set(start, 0);
  while (queue.length) {
    const at = queue.shift()!;
    for (const t of Object.values(document.transitions).filter((t) => t.from.includes(at))) {
      for (const to of [t.to, t.otherwise?.to, t.changes].filter((s): s is string => !!s)) {
        if (!depth.has(to) && document.states[to]) { depth.set(to, depth.get(at)! + 1); queue.push(to); }
      }
    }
  }
  const last = Math.max(1, ...[...depth].filter(([n]) => document.states[n]!.kind !== 'final').map(([, d]) => d)) + 1;
  const rows = new Map<number, number>();
  return new Map(names.map((name) => {
    const column = document.states[name]!.kind === 'final' ? last : depth.get(name) ?? 0;
    const row = rows.get(column) ?? 0;
    rows.set(column, row + 1);
    return [name, { x: column * 300, y: row * 120 + (column % 2) * 24 }];
  }));
};

/** The state machine of a workflow; the list beside it says the same in words. */
export const Diagram = ({ document, counts, here }: { document: Document; counts?: Record<string, number>; here?: string }) => {
  const { nodes, edges } = useMemo(() => {
    const at = layout(document);
    return {
      nodes: Object.entries(document.states).map(([id, s]) => ({
        id, type: 'state', position: at.get(id)!, draggable: false, connectable: false, selectable: false, focusable: false, ariaLabel: s.title,
        data: { title: s.title, kind: s.kind, task: s.task?.title, count: counts?.[id], here: id === here } satisfies StateData,
      })),
      edges: Object.entries(document.transitions).flatMap(([key, t]) => [
        ...t.from.map((from) => ({
          id: `${key}/${from}`, source: from, target: t.to, label: t.title, type: 'default', focusable: false, selectable: false, animated: !!(t.automatic || t.after),
          markerEnd: { type: MarkerType.ArrowClosed }, style: { stroke: 'var(--line-strong)', strokeWidth: 1.5 }, labelStyle: { fill: 'var(--soft)', fontSize: 12 }, labelBgStyle: { fill: 'var(--canvas)' },
        })),
        ...(t.otherwise ? t.from.map((from) => ({
          id: `${key}/${from}/otherwise`, source: from, target: t.otherwise!.to, label: t.otherwise!.compensate ? 'fails, made good' : 'fails', type: 'default', focusable: false, selectable: false, animated: false,
          markerEnd: { type: MarkerType.ArrowClosed }, style: { stroke: 'var(--line-strong)', strokeWidth: 1, strokeDasharray: '4 4' }, labelStyle: { fill: 'var(--faint)', fontSize: 11 }, labelBgStyle: { fill: 'var(--canvas)' },
        })) : []),
      ]),
    };
  }, [document, counts, here]);

  return (
    <div className="h-[26rem] overflow-hidden rounded-xl border border-line bg-canvas" role="group" aria-label="The workflow as a diagram; the same stands below in words">
      <ReactFlow nodes={nodes} edges={edges} nodeTypes={kinds} fitView fitViewOptions={{ padding: 0.15 }} nodesDraggable={false} nodesConnectable={false} nodesFocusable={false} edgesFocusable={false} elementsSelectable={false} zoomOnScroll={false} preventScrolling={false} minZoom={0.3} maxZoom={1.5} proOptions={{ hideAttribution: true }} disableKeyboardA11y>
        <Background color="var(--line)" gap={20} />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  );
};
