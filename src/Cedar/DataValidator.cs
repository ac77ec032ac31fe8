namespace Mumega.Cedar;

/// <summary>Holds entities and requests against a schema, so that what policies are evaluated over is what they were validated for.</summary>
public sealed class DataValidator(Schema schema)
{
    private readonly TypeFacts facts = new(schema);

    /// <summary>
    /// Everything wrong with an entity: a type or attribute that the schema doesn't know, one that is missing or of another type, a parent of
    /// a type that it may not have, an id that an enumerated type doesn't list.
    /// </summary>
    public IReadOnlyList<string> Validate(Entity entity)
    {
        var problems = new List<string>();
        if (facts.IsAction(entity.Uid))
        {
            var declared = schema.Actions[entity.Uid];
            if (entity.Attributes.Fields.Count > 0)
                problems.Add($"the action `{entity.Uid}` has attributes");
            if (entity.Tags.Fields.Count > 0)
                problems.Add($"the action `{entity.Uid}` has tags");
            foreach (var parent in entity.Parents.Where(p => p == entity.Uid || !facts.IsAction(p) || !facts.Below(declared.Uid, p)))
                problems.Add($"the schema does not make the action `{entity.Uid}` a member of `{parent}`");
            return problems;
        }

        if (facts.Unknown(entity.Uid) is { } unknown)
            return [unknown];

        var type = facts.Type(entity.Uid.Type)!;
        if (type.Ids is not null)
        {
            if (entity.Attributes.Fields.Count > 0 || entity.Tags.Fields.Count > 0 || entity.Parents.Count > 0)
                problems.Add($"`{entity.Uid}` is of an enumerated type, which has no attributes, tags or parents");
            return problems;
        }

        Check(entity.Attributes, type.Attributes, $"`{entity.Uid}`", problems);
        foreach (var (tag, value) in entity.Tags.Fields)
        {
            if (type.Tags is null)
                problems.Add($"`{entity.Uid}` has the tag `{tag}`, but entities of its type have none");
            else
                Check(value, type.Tags, $"the tag `{tag}` of `{entity.Uid}`", problems);
        }

        foreach (var parent in entity.Parents)
        {
            if (facts.Unknown(parent) is { } problem)
                problems.Add(problem);
            else if (parent.Type == type.Name ? !facts.MayNest(type.Name) : !facts.Below(type.Name, parent.Type))
                problems.Add($"`{entity.Uid}` may not have the parent `{parent}`: `{type.Name}` is not declared to be in `{parent.Type}`");
        }

        return problems;
    }

    /// <summary>Everything wrong with a request: an action that doesn't exist, a principal, resource or context that it doesn't apply to.</summary>
    public IReadOnlyList<string> Validate(Request request)
    {
        if (facts.Unknown(request.Action) is { } unknown)
            return [unknown];
        if (!schema.Actions.TryGetValue(request.Action, out var action))
            return [$"`{request.Action}` is not an action"];

        var problems = new List<string>();
        Applies("principal", request.Principal, action.Principals);
        Applies("resource", request.Resource, action.Resources);
        Check(request.Context, action.Context, "the context", problems);
        return problems;

        void Applies(string what, EntityUid uid, IReadOnlySet<string> allowed)
        {
            if (facts.Unknown(uid) is { } problem)
                problems.Add(problem);
            else if (!allowed.Contains(uid.Type))
                problems.Add(
                    $"`{uid}` may not be the {what} of `{request.Action}`{(allowed.Count == 0 ? "" : $", which applies to {string.Join(" or ", allowed.Order(StringComparer.Ordinal))}")}"
                );
        }
    }

    private void Check(RecordValue record, RecordOfType type, string where, List<string> problems)
    {
        foreach (var (name, attribute) in type.Attributes)
        {
            if (record.Fields.TryGetValue(name, out var value))
                Check(value, attribute.Type, $"`{name}` of {where}", problems);
            else if (attribute.Required)
                problems.Add($"{where} lacks the attribute `{name}`");
        }

        foreach (var name in record.Fields.Keys.Where(n => !type.Attributes.ContainsKey(n)))
            problems.Add(
                $"{where} has no attribute `{name}` by the schema{(Spelling.Closest(name, type.Attributes.Keys) is { } close ? $"; did you mean `{close}`?" : "")}"
            );
    }

    private void Check(Value value, CedarType type, string where, List<string> problems)
    {
        switch (type, value)
        {
            case (PrimitiveType { Name: "Bool" }, BoolValue):
            case (PrimitiveType { Name: "Long" }, LongValue):
            case (PrimitiveType { Name: "String" }, StringValue):
            case (ExtensionType { Name: "ipaddr" }, IpValue):
            case (ExtensionType { Name: "decimal" }, DecimalValue):
            case (ExtensionType { Name: "datetime" }, DatetimeValue):
            case (ExtensionType { Name: "duration" }, DurationValue):
                return;
            case (EntityRefType entity, EntityUid uid) when entity.Name == uid.Type:
                if (facts.Unknown(uid) is { } problem)
                    problems.Add(problem);
                return;
            case (SetOfType set, SetValue items):
                foreach (var item in items.Items)
                    Check(item, set.Element, $"an element of {where}", problems);
                return;
            case (RecordOfType record, RecordValue fields):
                Check(fields, record, where, problems);
                return;
            default:
                problems.Add($"{where} is {value}, not of the type {type}");
                return;
        }
    }
}
