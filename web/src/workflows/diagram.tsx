import dagre from '@dagrejs/dagre';
import { Background, BaseEdge, Controls, EdgeLabelRenderer, type EdgeProps, Handle, MarkerType, Position, ReactFlow } from '@xyflow/react';
import '@xyflow/react/dist/style.css';
import { useMemo } from 'react';

export type Document = {
  states: Record<string, { title: string; kind?: string; task?: { title: string; role: string } }>;
  transitions: Record<string, { title: string; from: string[]; to: string; action?: { run: string }; gates?: { role: string; quorum?: number }[]; after?: string; automatic?: boolean; otherwise?: { to: string; compensate?: boolean }; changes?: string }>;
};

const [width, height] = [192, 60];

type StateData = { title: string; kind?: string; task?: string; count?: number; here: boolean };

const StateNode = ({ data }: { data: StateData }) => (
  <div style={{ width, height }} className={`rounded-xl border px-3 py-2.5 text-left shadow-xs ${data.here ? 'border-accent bg-accent-soft ring-2 ring-accent/40' : data.kind === 'final' ? 'border-line bg-sunken' : 'border-line-strong bg-surface'}`}>
    <Handle type="target" position={Position.Left} className="!invisible" />
    <div className="flex items-baseline justify-between gap-2 text-sm font-semibold text-ink"><span className="truncate">{data.title}</span>{data.count != null && <span className="text-[13px] font-normal tabular-nums text-faint">{data.count}</span>}</div>
    <div className="mt-0.5 truncate text-xs text-faint">{data.here ? 'The packet is here' : data.kind === 'initial' ? 'Begins here' : data.kind === 'final' ? 'An end' : (data.task ?? ' ')}</div>
    <Handle type="source" position={Position.Right} className="!invisible" />
  </div>
);

type Point = { x: number; y: number };
type WayData = { points: Point[]; label: Point; texts: string[]; failing: boolean };

// Through the points that the layout found, rounded, so that no line runs through a state.
const through = (points: Point[]) => points.slice(1).reduce((path, p, i) => {
  const from = points[i]!;
  const middle = (from.x + p.x) / 2;
  return `${path} C ${middle} ${from.y}, ${middle} ${p.y}, ${p.x} ${p.y}`;
}, `M ${points[0]!.x} ${points[0]!.y}`);

const WayEdge = ({ id, data, markerEnd, style }: EdgeProps) => {
  const way = data as WayData;
  return (
    <>
      <BaseEdge id={id} path={through(way.points)} markerEnd={markerEnd} style={style} />
      <EdgeLabelRenderer>
        <div className={`absolute rounded bg-canvas px-1 text-center leading-4 ${way.failing ? 'text-[11px] text-faint' : 'text-xs text-soft'}`} style={{ transform: `translate(-50%, -50%) translate(${way.label.x}px, ${way.label.y}px)` }}>
          {way.texts.map((t) => <div key={t}>{t}</div>)}
        </div>
      </EdgeLabelRenderer>
    </>
  );
};

const nodeTypes = { state: StateNode };
const edgeTypes = { way: WayEdge };

/** The ways between each two states, put together. */
const ways = (document: Document) => {
  const found = new Map<string, { from: string; to: string; texts: string[]; alone: boolean; failing: boolean }>();
  const add = (from: string, to: string, text: string, alone: boolean, failing: boolean) => {
    const key = `${from}/${to}/${failing}`;
    const known = found.get(key);
    if (known) { known.texts = [...new Set([...known.texts, text])]; known.alone &&= alone; } else found.set(key, { from, to, texts: [text], alone, failing });
  };
  for (const t of Object.values(document.transitions)) {
    for (const from of t.from) {
      add(from, t.to, t.title, !!(t.automatic || t.after), false);
      if (t.otherwise) add(from, t.otherwise.to, t.otherwise.compensate ? 'fails, made good' : 'fails', false, true);
    }
  }
  return [...found];
};

/** The state machine of a workflow; the list beside it says the same in words. */
export const Diagram = ({ document, counts, here }: { document: Document; counts?: Record<string, number>; here?: string }) => {
  const { nodes, edges } = useMemo(() => {
    const graph = new dagre.graphlib.Graph({ multigraph: true });
    graph.setGraph({ rankdir: 'LR', nodesep: 36, ranksep: 40, edgesep: 18 });
    for (const name of Object.keys(document.states)) graph.setNode(name, { width, height });
    const all = ways(document);
    for (const [key, way] of all) graph.setEdge(way.from, way.to, { width: Math.max(...way.texts.map((t) => t.length)) * 6.4 + 12, height: way.texts.length * 16 + 6, labelpos: 'c' }, key);
    dagre.layout(graph);
    return {
      nodes: Object.entries(document.states).map(([id, s]) => ({
        id, type: 'state', position: { x: graph.node(id).x - width / 2, y: graph.node(id).y - height / 2 }, draggable: false, connectable: false, selectable: false, focusable: false, ariaLabel: s.title,
        data: { title: s.title, kind: s.kind, task: s.task?.title, count: counts?.[id], here: id === here } satisfies StateData,
      })),
      edges: all.map(([key, way]) => {
        const edge = graph.edge({ v: way.from, w: way.to, name: key }) as { points: Point[]; x: number; y: number };
        return {
          id: key, source: way.from, target: way.to, type: 'way', focusable: false, selectable: false, animated: way.alone,
          data: { points: edge.points, label: { x: edge.x, y: edge.y }, texts: way.texts, failing: way.failing } satisfies WayData,
          markerEnd: { type: MarkerType.ArrowClosed, color: 'var(--line-strong)', width: 18, height: 18 },
          style: { stroke: 'var(--line-strong)', strokeWidth: way.failing ? 1 : 1.5, ...(way.failing ? { strokeDasharray: '4 4' } : {}) },
        };
      }),
    };
  }, [document, counts, here]);

  return (
    <div className="h-[26rem] overflow-hidden rounded-xl border border-line bg-canvas" role="group" aria-label="The workflow as a diagram; the same stands below in words">
      <ReactFlow nodes={nodes} edges={edges} nodeTypes={nodeTypes} edgeTypes={edgeTypes} fitView fitViewOptions={{ padding: 0.1, maxZoom: 1.1 }} nodesDraggable={false} nodesConnectable={false} nodesFocusable={false} edgesFocusable={false} elementsSelectable={false} zoomOnScroll={false} preventScrolling={false} minZoom={0.3} maxZoom={1.5} proOptions={{ hideAttribution: true }} disableKeyboardA11y>
        <Background color="var(--line)" gap={20} />
        <Controls showInteractive={false} />
      </ReactFlow>
    </div>
  );
};
