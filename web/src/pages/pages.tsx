import { ExternalLink, FileText } from 'lucide-react';
import { graphql } from '../api/gql';
import { useWorkspace } from '../shell/shell';
import { useLiveQuery } from '../shell/use-live-query';
import { Ago, Badge, Card, Empty, Loading, PageTitle, Problem } from '../ui/ui';

const pagesDocument = graphql(`
  query Pages($key: String!) { workspace(key: $key) { id pages(first: 100) { nodes { id slug title address live revisions publishedAt } } } }
`);

export const Pages = () => {
  const workspace = useWorkspace();
  const [{ data, error }, again] = useLiveQuery(pagesDocument, { key: workspace.key });
  const pages = data?.workspace?.pages.nodes;
  return (
    <>
      <PageTitle title="Pages" lead="What the public portal shows. Publishing and taking offline are actions like any other." />
      {error && <Problem message="The pages could not be loaded." retry={again} />}
      {!pages && !error && <Loading />}
      {pages?.length === 0 && <Empty icon={<FileText />} title="No pages yet">Publish one from Actions, or let an agent propose it.</Empty>}
      {pages && pages.length > 0 && (
        <Card className="divide-y divide-line overflow-hidden">
          {pages.map((page) => (
            <div key={page.id} className="flex items-center gap-4 px-5 py-3.5">
              <div className="min-w-0 flex-1"><div className="truncate font-medium">{page.title || page.slug}</div><div className="truncate font-mono text-[13px] text-faint">/{page.slug} · {page.revisions} revision{page.revisions === 1 ? '' : 's'}</div></div>
              {page.publishedAt && <span className="text-[13px] text-faint max-sm:hidden"><Ago at={page.publishedAt} /></span>}
              <Badge tone={page.live ? 'good' : 'neutral'}>{page.live ? 'Live' : 'Offline'}</Badge>
              {page.live ? <a href={page.address} target="_blank" rel="noreferrer" className="flex items-center gap-1 text-sm font-medium text-accent-text hover:underline">Open<ExternalLink aria-hidden className="size-3.5" /></a> : <span className="w-14" />}
            </div>
          ))}
        </Card>
      )}
    </>
  );
};
