namespace Mumega.Cedar;

/// <summary>
/// Finds the policies whose head can match a request without looking at the others: a tree of three levels (action, principal, resource),
/// each branching by entity, by type and into whatever is open. A policy lies at exactly one leaf, unless its head lists several actions.
/// </summary>
internal sealed class PolicyIndex
{
    private static readonly Evaluation Nothing = new([], [], []);

    private readonly Node root = new();

    public PolicyIndex(IReadOnlyList<Policy> policies)
    {
        for (var i = 0; i < policies.Count; i++)
        {
            var policy = policies[i];
            var action = policy.Scope[1];
            var several = action.Entities.Count > 1;
            if (action.Kind is ScopeKind.Any)
                Place(root.Open(), i, policy, null);
            else
                foreach (var key in action.Entities.Distinct())
                    Place(root.Of(key), i, policy, several ? key : null);
        }
    }

    public Evaluation Evaluate(Env env)
    {
        var walk = new Walk(env);
        walk.Visit(root, 0);
        return walk.Found;
    }

    private static void Place(Node node, int order, Policy policy, EntityUid? actionKey)
    {
        node = node.For(policy.Scope[0]).For(policy.Scope[2]);
        (node.Policies ??= []).Add(new(order, policy, actionKey));
    }

    /// <param name="ActionKey">Which of several listed actions led here.</param>
    private readonly record struct Entry(int Order, Policy Policy, EntityUid? ActionKey);

    private sealed class Node
    {
        public Node? Any;
        public Dictionary<string, Node>? Types;
        public Dictionary<EntityUid, Node>? Entities;
        public List<Entry>? Policies;

        public Node Open() => Any ??= new();

        public Node Of(EntityUid uid) => Get(Entities ??= [], uid);

        public Node For(Scope scope) =>
            scope.Kind switch
            {
                ScopeKind.Any => Open(),
                ScopeKind.Is => Get(Types ??= new(StringComparer.Ordinal), scope.Type!),
                _ => Of(scope.Entities[0]),
            };

        private static Node Get<T>(Dictionary<T, Node> nodes, T key)
            where T : notnull
        {
            if (!nodes.TryGetValue(key, out var node))
                nodes[key] = node = new();
            return node;
        }
    }

    private struct Walk(Env env)
    {
        private readonly HashSet<EntityUid> aboveAction = env.Entities.Ancestors(env.Request.Action);
        private readonly HashSet<EntityUid> abovePrincipal = env.Entities.Ancestors(env.Request.Principal);
        private readonly HashSet<EntityUid> aboveResource = env.Entities.Ancestors(env.Request.Resource);
        private List<Entry>? permits,
            forbids;
        private List<(int Order, PolicyError Error)>? errors;

        public readonly Evaluation Found =>
            permits is null && forbids is null && errors is null
                ? Nothing
                : new(InOrder(permits), InOrder(forbids), errors is null ? [] : [.. errors.OrderBy(e => e.Order).Select(e => e.Error)]);

        public void Visit(Node node, int level)
        {
            if (level == 3)
            {
                foreach (var entry in node.Policies!)
                    Test(entry);
                return;
            }

            if (node.Any is not null)
                Visit(node.Any, level + 1);
            var (uid, above) = level switch
            {
                0 => (env.Request.Action, aboveAction),
                1 => (env.Request.Principal, abovePrincipal),
                _ => (env.Request.Resource, aboveResource),
            };
            if (node.Types is not null && node.Types.TryGetValue(uid.Type, out var ofType))
                Visit(ofType, level + 1);
            if (node.Entities is not { } entities)
                return;

            if (entities.TryGetValue(uid, out var own))
                Visit(own, level + 1);
            if (above.Count <= entities.Count)
            {
                foreach (var ancestor in above)
                {
                    if (entities.TryGetValue(ancestor, out var next))
                        Visit(next, level + 1);
                }
            }
            else
            {
                foreach (var (key, next) in entities)
                {
                    if (above.Contains(key))
                        Visit(next, level + 1);
                }
            }
        }

        private void Test(Entry entry)
        {
            var policy = entry.Policy;
            if (
                !policy.Scope[0].Matches(env.Request.Principal, abovePrincipal)
                || !policy.Scope[2].Matches(env.Request.Resource, aboveResource)
            )
                return;
            if (
                entry.ActionKey is null
                    ? !policy.Scope[1].Matches(env.Request.Action, aboveAction)
                    : policy.Scope[1].FirstAbove(env.Request.Action, aboveAction) != entry.ActionKey
            )
                return;

            switch (policy.Test(env))
            {
                case Truth.True when policy.Effect is Effect.Permit:
                    (permits ??= []).Add(entry);
                    break;
                case Truth.True:
                    (forbids ??= []).Add(entry);
                    break;
                case Truth.Failed:
                    (errors ??= []).Add((entry.Order, new(policy, env.Problem!)));
                    break;
            }
        }

        private static Policy[] InOrder(List<Entry>? entries)
        {
            if (entries is null)
                return [];
            if (entries.Count > 1)
                entries.Sort((a, b) => a.Order.CompareTo(b.Order));

            var policies = new Policy[entries.Count];
            for (var i = 0; i < policies.Length; i++)
                policies[i] = entries[i].Policy;
            return policies;
        }
    }
}
