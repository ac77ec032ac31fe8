namespace Mumega.Cedar;

/// <summary>An entity with its attributes, tags and direct parents.</summary>
public sealed record Entity(EntityUid Uid, RecordValue Attributes, IReadOnlyCollection<EntityUid> Parents)
{
    public RecordValue Tags { get; init; } = RecordValue.Empty;
}

/// <summary>The entities a decision may look at, with every entity's ancestors worked out once. Immutable.</summary>
public sealed class Entities
{
    public static readonly Entities None = new([]);

    private static readonly HashSet<EntityUid> Nobody = [];

    private readonly Dictionary<EntityUid, (Entity Entity, HashSet<EntityUid> Ancestors)> byUid;
    private readonly Entity? changed;

    /// <summary>Throws <see cref="ArgumentException"/> when an entity is given twice or is its own ancestor.</summary>
    public Entities(IEnumerable<Entity> entities)
    {
        byUid = [];
        var nested = new List<Entity>();
        foreach (var entity in entities)
        {
            if (!byUid.TryAdd(entity.Uid, (entity, Nobody)))
                throw new ArgumentException($"duplicate entity `{entity.Uid}`");
            if (entity.Parents.Count > 0)
                nested.Add(entity);
        }

        foreach (var entity in nested)
        {
            var found = new HashSet<EntityUid>();
            var open = new Stack<EntityUid>(entity.Parents);
            while (open.TryPop(out var next))
            {
                if (next == entity.Uid)
                    throw new ArgumentException($"`{next}` is its own ancestor");
                if (found.Add(next) && byUid.TryGetValue(next, out var above))
                    foreach (var parent in above.Entity.Parents)
                        open.Push(parent);
            }

            byUid[entity.Uid] = (entity, found);
        }
    }

    private Entities(Entities others, Entity changed)
    {
        byUid = others.byUid;
        this.changed = changed;
    }

    /// <summary>Every entity that was given.</summary>
    public IEnumerable<Entity> All => byUid.Values.Select(e => e.Entity.Uid == changed?.Uid ? changed : e.Entity);

    /// <summary>The entity of that name, or null when it was not given.</summary>
    public Entity? Find(EntityUid uid) =>
        changed is not null && uid == changed.Uid ? changed
        : byUid.TryGetValue(uid, out var found) ? found.Entity
        : null;

    /// <summary>These entities with other attributes for one of them; its parents are the same.</summary>
    internal Entities With(Entity entity) => changed is null ? new(this, entity) : new(All.Select(e => e.Uid == entity.Uid ? entity : e));

    internal HashSet<EntityUid> Ancestors(EntityUid uid) => byUid.TryGetValue(uid, out var found) ? found.Ancestors : Nobody;

    internal bool IsIn(EntityUid uid, EntityUid ancestor) => uid == ancestor || Ancestors(uid).Contains(ancestor);
}
