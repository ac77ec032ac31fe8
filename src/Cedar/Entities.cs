namespace Mumega.Cedar;

/// <summary>An entity with its attributes, tags and direct parents.</summary>
public sealed record Entity(EntityUid Uid, RecordValue Attributes, IReadOnlyCollection<EntityUid> Parents)
{
    public RecordValue Tags { get; init; } = RecordValue.Empty;
}

/// <summary>The entities a decision may look at, with every entity's ancestors worked out once.</summary>
public sealed class Entities
{
    public static readonly Entities None = new([]);

    private readonly Dictionary<EntityUid, Entity> byUid;
    private readonly Dictionary<EntityUid, HashSet<EntityUid>> ancestors = [];

    /// <summary>Throws <see cref="ArgumentException"/> when an entity is given twice or is its own ancestor.</summary>
    public Entities(IEnumerable<Entity> entities)
    {
        byUid = [];
        foreach (var entity in entities)
        {
            if (!byUid.TryAdd(entity.Uid, entity)) throw new ArgumentException($"duplicate entity `{entity.Uid}`");
        }

        foreach (var uid in byUid.Keys)
        {
            var found = new HashSet<EntityUid>();
            var open = new Stack<EntityUid>(byUid[uid].Parents);
            while (open.TryPop(out var next))
            {
                if (next == uid) throw new ArgumentException($"`{uid}` is its own ancestor");
                if (found.Add(next) && byUid.TryGetValue(next, out var entity))
                    foreach (var parent in entity.Parents) open.Push(parent);
            }

            ancestors[uid] = found;
        }
    }

    internal Entity? Find(EntityUid uid) => byUid.GetValueOrDefault(uid);

    internal bool IsIn(EntityUid uid, EntityUid ancestor) =>
        uid == ancestor || (ancestors.TryGetValue(uid, out var all) && all.Contains(ancestor));
}
