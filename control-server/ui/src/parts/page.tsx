import type { ComponentChildren } from 'preact';

interface PageProps {
  title: ComponentChildren;
  about?: string;
  /** Buttons and filters beside the title. */
  tools?: ComponentChildren;
  children: ComponentChildren;
}

export const Page = ({ title, about, tools, children }: PageProps) => (
  <>
    <div class="page-head">
      <div>
        <h1>{title}</h1>
        {about && <p class="soft">{about}</p>}
      </div>
      {tools && <div class="row">{tools}</div>}
    </div>
    {children}
  </>
);

export const Card = ({
  title,
  tools,
  children,
}: {
  title: string;
  tools?: ComponentChildren;
  children: ComponentChildren;
}) => (
  <section class="card">
    <div class="card-head">
      <h2>{title}</h2>
      {tools}
    </div>
    {children}
  </section>
);
