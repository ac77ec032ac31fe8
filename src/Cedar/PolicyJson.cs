using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Mumega.Cedar;

/// <summary>Policies to and from the JSON policy format (EST) of the Cedar specification.</summary>
internal static class PolicyJson
{
    // Two levels of JSON for one of an expression, at the least.
    private const int MaxDepth = 2_000;
    private const int MaxExpression = 900;
    private const int LongChain = 100;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = MaxDepth };

    // For JSON on its own, not inside HTML: text stays readable.
    public static readonly JsonSerializerOptions Written = new()
    {
        MaxDepth = MaxDepth,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
    private static readonly string[] Comparisons = ["<", "<=", ">", ">="];

    public static PolicySet Read(string json)
    {
        using var document = CedarJson.Parse(json, Strict);
        var root = document.RootElement;
        if (root.ValueKind is JsonValueKind.Object && root.TryGetProperty("effect", out _))
            return PolicySet.Of([Policy(root, "$", 0, null)]);

        OnlyFields(root, "$", "staticPolicies", "templates", "templateLinks");
        var policies = new List<Policy>();
        foreach (var part in (string[])["staticPolicies", "templates"])
        {
            if (!root.TryGetProperty(part, out var named))
                continue;
            if (named.ValueKind is not JsonValueKind.Object)
                throw new CedarJsonException($"$.{part}", "expected policies by id");
            foreach (var field in named.EnumerateObject())
            {
                var policy = Policy(field.Value, $"$.{part}.{field.Name}", policies.Count, field.Name);
                if (policy.IsTemplate != (part == "templates"))
                    throw new CedarJsonException(
                        $"$.{part}.{field.Name}",
                        policy.IsTemplate ? "a policy with a slot belongs into templates" : "a template needs a slot"
                    );
                policies.Add(policy);
            }
        }

        var set = PolicySet.Of(policies);
        if (!root.TryGetProperty("templateLinks", out var links))
            return set;
        foreach (var (i, link) in Items(links, "$.templateLinks").Index())
        {
            var path = $"$.templateLinks[{i}]";
            OnlyFields(link, path, "templateId", "newId", "values");
            var values = Field(link, "values", path);
            OnlyFields(values, $"{path}.values", "?principal", "?resource");
            try
            {
                set = set.Link(Text(link, "templateId", path), Text(link, "newId", path), Filling("?principal"), Filling("?resource"));
            }
            catch (ArgumentException e)
            {
                throw new CedarJsonException(path, e.Message);
            }

            EntityUid? Filling(string slot) =>
                values.TryGetProperty(slot, out var uid) ? CedarJson.Uid(uid, $"{path}.values.{slot}") : null;
        }

        return set;
    }

    public static string Write(PolicySet set)
    {
        var links = set
            .Policies.Where(p => p.Template is not null)
            .Select(p => new JsonObject
            {
                ["templateId"] = p.Template!.Id,
                ["newId"] = p.Id,
                ["values"] = new JsonObject(
                    p.Scope.Zip(p.Template.Scope)
                        .Where(s => s.Second.Slot)
                        .Select(s => KeyValuePair.Create<string, JsonNode?>($"?{s.First.Word}", Uid(s.First.Entities[0])))
                ),
            });
        return new JsonObject
        {
            ["staticPolicies"] = ById(set.Policies.Where(p => p.Template is null)),
            ["templates"] = ById(set.Templates),
            ["templateLinks"] = new JsonArray([.. links]),
        }.ToJsonString(Written);

        JsonObject ById(IEnumerable<Policy> policies)
        {
            var found = new JsonObject();
            foreach (var policy in policies)
            {
                if (!found.TryAdd(policy.Id, Json(policy)))
                    throw new InvalidOperationException($"two policies have the id `{policy.Id}`");
            }

            return found;
        }
    }

    public static JsonObject Json(Policy policy)
    {
        var json = new JsonObject
        {
            ["effect"] = policy.Effect is Effect.Permit ? "permit" : "forbid",
            ["principal"] = Json(policy.Scope[0]),
            ["action"] = Json(policy.Scope[1]),
            ["resource"] = Json(policy.Scope[2]),
            ["conditions"] = new JsonArray([
                .. policy.Conditions.Select(c => new JsonObject { ["kind"] = c.Unless ? "unless" : "when", ["body"] = Json(c.Body) }),
            ]),
        };
        if (policy.Annotations.Count > 0)
            json["annotations"] = new JsonObject(
                policy.Annotations.Select(a => KeyValuePair.Create<string, JsonNode?>(a.Key, a.Value.Length == 0 ? null : a.Value))
            );
        return json;
    }

    private static JsonObject Uid(EntityUid uid) => new() { ["type"] = uid.Type, ["id"] = uid.Id };

    private static JsonObject Json(Scope scope)
    {
        var json = new JsonObject
        {
            ["op"] = scope.Kind switch
            {
                ScopeKind.Any => "All",
                ScopeKind.Equal => "==",
                ScopeKind.In => "in",
                _ => "is",
            },
        };
        if (scope.Type is not null)
            json["entity_type"] = scope.Type;
        var target = scope.Kind is ScopeKind.IsIn ? new JsonObject() : json;
        if (scope.Slot)
            target["slot"] = $"?{scope.Word}";
        else if (scope.Listed && scope.Entities.Count != 1)
            target["entities"] = new JsonArray([.. scope.Entities.Select(Uid)]);
        else if (scope.Entities.Count > 0)
            target["entity"] = Uid(scope.Entities[0]);
        if (target != json)
            json["in"] = target;
        return json;
    }

    private static JsonObject Json(Expr expr)
    {
        switch (expr)
        {
            case Literal { Value: EntityUid uid }:
                return new() { ["Value"] = new JsonObject { ["__entity"] = Uid(uid) } };
            case Literal { Value: BoolValue b }:
                return new() { ["Value"] = b.Raw };
            case Literal { Value: LongValue l }:
                return new() { ["Value"] = l.Raw };
            case Literal { Value: StringValue s }:
                return new() { ["Value"] = s.Raw };
            case VariableExpr variable:
                return new() { ["Var"] = variable.Variable.ToString().ToLowerInvariant() };
            case If { Parts: var (test, then, otherwise) }:
                return new()
                {
                    ["if-then-else"] = new JsonObject
                    {
                        ["if"] = Json(test),
                        ["then"] = Json(then),
                        ["else"] = Json(otherwise),
                    },
                };
            case And and:
                return Chain("&&", and.Children, 0, and.Children.Count);
            case Or or:
                return Chain("||", or.Children, 0, or.Children.Count);
            case Not not:
                return new() { ["!"] = new JsonObject { ["arg"] = Json(not.Operand) } };
            case Negate negate:
                return new() { ["neg"] = new JsonObject { ["arg"] = Json(negate.Operand) } };
            case Arithmetic { Parts: var (op, left, right) }:
                return Binary(op.ToString(), left, right);
            case Equality { Parts: var (negated, left, right) }:
                return Binary(negated ? "!=" : "==", left, right);
            case Comparison { Parts: var (op, left, right) }:
                return Binary(op, left, right);
            case In { Parts: var (left, right) }:
                return Binary("in", left, right);
            case Is { Parts: var (operand, type, within) }:
                var typed = new JsonObject { ["left"] = Json(operand), ["entity_type"] = type };
                if (within is not null)
                    typed["in"] = Json(within);
                return new() { ["is"] = typed };
            case Like { Parts: var (operand, pattern) }:
                return new()
                {
                    ["like"] = new JsonObject { ["left"] = Json(operand), ["pattern"] = Json(pattern) },
                };
            case GetAttribute { Parts: var (target, name) }:
                return new()
                {
                    ["."] = new JsonObject { ["left"] = Json(target), ["attr"] = name },
                };
            case HasAttribute { Parts: var (target, name) }:
                return new()
                {
                    ["has"] = new JsonObject { ["left"] = Json(target), ["attr"] = name },
                };
            case HasPath has:
                return new()
                {
                    ["has"] = new JsonObject { ["left"] = Json(has.Target), ["attr"] = new JsonArray([.. has.Path]) },
                };
            case SetLiteral set:
                return new() { ["Set"] = new JsonArray([.. set.Items.Select(Json)]) };
            case RecordLiteral record:
                return new()
                {
                    ["Record"] = new JsonObject(record.Fields.Select(f => KeyValuePair.Create<string, JsonNode?>(f.Key, Json(f.Value)))),
                };
            case Call { Parts: var (name, arguments) } when name is "isEmpty":
                return new() { [name] = new JsonObject { ["arg"] = Json(arguments[0]) } };
            case Call { Parts: var (name, arguments) } when Call.IsCore(name):
                return Binary(name, arguments[0], arguments[1]);
            case Call { Parts: var (name, arguments) }:
                return new() { [name] = new JsonArray([.. arguments.Select(Json)]) };
            default:
                throw new InvalidOperationException(expr.GetType().Name);
        }
    }

    private static JsonArray Json(IReadOnlyList<char?> pattern)
    {
        var parts = new JsonArray();
        for (var i = 0; i < pattern.Count; i++)
        {
            if (pattern[i] is not { } c)
                parts.Add("Wildcard");
            else
                parts.Add(
                    new JsonObject { ["Literal"] = char.IsHighSurrogate(c) && i + 1 < pattern.Count ? $"{c}{pattern[++i]}" : c.ToString() }
                );
        }

        return parts;
    }

    // Left to right, as the grammar has it; a very long chain is halved, which means the same and does not nest as deep as it is long.
    private static JsonObject Chain(string op, IReadOnlyList<Expr> operands, int from, int to)
    {
        if (to - from == 1)
            return Json(operands[from]);
        var middle = to - from > LongChain ? from + (to - from) / 2 : to - 1;
        return new()
        {
            [op] = new JsonObject { ["left"] = Chain(op, operands, from, middle), ["right"] = Chain(op, operands, middle, to) },
        };
    }

    private static JsonObject Binary(string op, Expr left, Expr right) =>
        new()
        {
            [op] = new JsonObject { ["left"] = Json(left), ["right"] = Json(right) },
        };

    private static Policy Policy(JsonElement json, string path, int position, string? id)
    {
        OnlyFields(json, path, "effect", "principal", "action", "resource", "conditions", "annotations");
        var effect = Text(json, "effect", path) switch
        {
            "permit" => Effect.Permit,
            "forbid" => Effect.Forbid,
            var other => throw new CedarJsonException($"{path}.effect", $"expected permit or forbid, not `{other}`"),
        };
        var annotations = new Dictionary<string, string>(StringComparer.Ordinal);
        if (json.TryGetProperty("annotations", out var notes))
        {
            if (notes.ValueKind is not JsonValueKind.Object)
                throw new CedarJsonException($"{path}.annotations", "expected annotations by name");
            foreach (var note in notes.EnumerateObject())
            {
                if (
                    !note.Name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')
                    || note.Name.Length == 0
                    || char.IsAsciiDigit(note.Name[0])
                )
                    throw new CedarJsonException($"{path}.annotations", $"`{note.Name}` can't name an annotation");
                annotations[note.Name] =
                    note.Value.ValueKind is JsonValueKind.Null ? "" : CedarJson.String(note.Value, $"{path}.annotations.{note.Name}");
            }
        }

        Scope[] scope = [ReadScope(Variable.Principal), ReadScope(Variable.Action), ReadScope(Variable.Resource)];
        var conditions = json.TryGetProperty("conditions", out var clauses)
            ? Items(clauses, $"{path}.conditions").Select((c, i) => Clause(c, $"{path}.conditions[{i}]")).ToList()
            : [];
        return new(position, id, effect, annotations, scope, conditions);

        Scope ReadScope(Variable variable)
        {
            var word = variable.ToString().ToLowerInvariant();
            return Scope(Field(json, word, path), variable, $"{path}.{word}");
        }
    }

    private static Condition Clause(JsonElement json, string path)
    {
        OnlyFields(json, path, "kind", "body");
        var unless = Text(json, "kind", path) switch
        {
            "when" => false,
            "unless" => true,
            var other => throw new CedarJsonException($"{path}.kind", $"expected when or unless, not `{other}`"),
        };
        return new(unless, Expression(Field(json, "body", path), $"{path}.body"));
    }

    private static Scope Scope(JsonElement json, Variable variable, string path)
    {
        OnlyFields(json, path, "op", "entity", "entities", "slot", "entity_type", "in");
        var op = Text(json, "op", path);
        string? type = null;
        if (op == "is")
        {
            type = TypeName(json, path);
            if (variable is Variable.Action)
                throw new CedarJsonException(path, "an action has no `is`");
            if (!json.TryGetProperty("in", out json))
                return new(variable, ScopeKind.Is, type, []);
            path += ".in";
        }

        var kind = op switch
        {
            "All" => ScopeKind.Any,
            "==" => ScopeKind.Equal,
            "in" => ScopeKind.In,
            "is" => ScopeKind.IsIn,
            _ => throw new CedarJsonException($"{path}.op", $"expected All, ==, in or is, not `{op}`"),
        };
        if (kind is ScopeKind.Any)
            return new(variable, kind, null, []);
        if (json.TryGetProperty("slot", out _))
        {
            var slot = Text(json, "slot", path);
            if (variable is Variable.Action || slot != $"?{variable.ToString().ToLowerInvariant()}")
                throw new CedarJsonException($"{path}.slot", $"`{slot}` can't stand here");
            return new(variable, kind, type, [], Slot: true);
        }

        var listed = kind is ScopeKind.In && variable is Variable.Action && json.TryGetProperty("entities", out _);
        EntityUid[] entities = listed
            ? [.. Items(json.GetProperty("entities"), $"{path}.entities").Select((e, i) => CedarJson.Uid(e, $"{path}.entities[{i}]"))]
            : [CedarJson.Uid(Field(json, "entity", path), $"{path}.entity")];
        if (variable is Variable.Action && entities.FirstOrDefault(e => !Parser.IsAction(e.Type)) is { } wrong)
            throw new CedarJsonException(path, $"`{wrong}` is not an action: its type must be `Action`");
        return new(variable, kind, type, entities, Listed: listed);
    }

    private static Expr Expression(JsonElement json, string path)
    {
        var expr = Read(json, path);
        return expr.Depth <= MaxExpression ? expr : throw new CedarJsonException(path, "this expression is nested too deeply");
    }

    private static Expr Read(JsonElement json, string path)
    {
        if (json.ValueKind is not JsonValueKind.Object || json.EnumerateObject().Count() != 1)
            throw new CedarJsonException(path, "expected an object with one operator");

        var (op, body) = json.EnumerateObject().Select(p => (p.Name, p.Value)).Single();
        path = $"{path}.{op}";
        switch (op)
        {
            case "Value":
                return Constant(CedarJson.Value(body, path), path);
            case "Var":
                return Parser.Variables.TryGetValue(CedarJson.String(body, path), out var variable)
                    ? new VariableExpr(variable)
                    : throw new CedarJsonException(path, "expected principal, action, resource or context");
            case "Slot":
                throw new CedarJsonException(path, "a slot may only stand in the head of a policy");
            case "!":
                return new Not(Sub("arg"));
            case "neg":
                return new Negate(Sub("arg"));
            case "isEmpty":
                return new Call(op, [Sub("arg")]);
            case "==" or "!=":
                return new Equality(op == "!=", Sub("left"), Sub("right"));
            case "<" or "<=" or ">" or ">=":
                return new Comparison(op, Sub("left"), Sub("right"));
            case "in":
                return new In(Sub("left"), Sub("right"));
            case "+" or "-" or "*":
                return new Arithmetic(op[0], Sub("left"), Sub("right"));
            case "&&":
                var first = Sub("left");
                return new And([.. first is And and ? and.Children : [first], Sub("right")]);
            case "||":
                var one = Sub("left");
                return new Or([.. one is Or or ? or.Children : [one], Sub("right")]);
            case "contains" or "containsAll" or "containsAny" or "getTag" or "hasTag":
                return new Call(op, [Sub("left"), Sub("right")]);
            case ".":
                return new GetAttribute(Sub("left"), Text(body, "attr", path));
            case "has":
                return Has(Sub("left"), Field(body, "attr", path), $"{path}.attr");
            case "is":
                return new Is(Sub("left"), TypeName(body, path), body.TryGetProperty("in", out _) ? Sub("in") : null);
            case "like":
                return new Like(Sub("left"), Pattern(Field(body, "pattern", path), $"{path}.pattern"));
            case "if-then-else":
                return new If(Sub("if"), Sub("then"), Sub("else"));
            case "Set":
                return new SetLiteral([.. Items(body, path).Select((item, i) => Expression(item, $"{path}[{i}]"))]);
            case "Record":
                if (body.ValueKind is not JsonValueKind.Object)
                    throw new CedarJsonException(path, "expected a record");
                return new RecordLiteral([
                    .. body.EnumerateObject().Select(f => KeyValuePair.Create(f.Name, Expression(f.Value, $"{path}.{f.Name}"))),
                ]);
            default:
                if (!Call.Functions.ContainsKey(op) && !Call.Methods.ContainsKey(op))
                    throw new CedarJsonException(
                        path,
                        $"there is no operator or function `{op}`{(Spelling.Closest(op, [.. Call.Functions.Keys, .. Call.Methods.Keys, .. Comparisons]) is { } close ? $"; did you mean `{close}`?" : "")}"
                    );
                var arguments = Items(body, path).Select((item, i) => Expression(item, $"{path}[{i}]")).ToList();
                return arguments.Count > 0 || Call.Functions.ContainsKey(op)
                    ? new Call(op, arguments)
                    : throw new CedarJsonException(path, $"`{op}` is a method and needs something to be asked of");
        }

        Expr Sub(string name) => Expression(Field(body, name, path), $"{path}.{name}");
    }

    private static BoolExpr Has(Expr target, JsonElement attribute, string path)
    {
        if (attribute.ValueKind is JsonValueKind.String)
            return new HasAttribute(target, CedarJson.String(attribute, path));

        var names = Items(attribute, path).Select(a => CedarJson.String(a, path)).ToList();
        if (names.Count is 0 or > MaxExpression || names.Any(n => !Parser.IsIdentifier(n)))
            throw new CedarJsonException(path, "expected names of attributes");
        return names.Count == 1 ? new HasAttribute(target, names[0]) : new HasPath(target, names, -1);
    }

    // A constant is written with the literals and constructors of the language, so that the policy has a text.
    private static Expr Constant(Value value, string path) =>
        value switch
        {
            SetValue set => new SetLiteral([.. set.Items.Select(i => Constant(i, path))]),
            RecordValue record => new RecordLiteral([.. record.Fields.Select(f => KeyValuePair.Create(f.Key, Constant(f.Value, path)))]),
            IpValue ip => new Call("ip", [new Literal(Value.Of(ip.Written))]),
            DecimalValue number => new Call("decimal", [new Literal(Value.Of(number.Written))]),
            DurationValue span => new Call("duration", [new Literal(Value.Of($"{span.Millis}ms"))]),
            DatetimeValue time => new Call(
                "offset",
                [
                    new Call("datetime", [new Literal(Value.Of("1970-01-01"))]),
                    new Call("duration", [new Literal(Value.Of($"{time.Millis}ms"))]),
                ]
            ),
            _ => new Literal(value),
        };

    private static List<char?> Pattern(JsonElement json, string path)
    {
        var pattern = new List<char?>();
        foreach (var (i, part) in Items(json, path).Index())
        {
            if (part.ValueKind is JsonValueKind.String && part.GetString() == "Wildcard")
                pattern.Add(null);
            else
                foreach (var c in Text(part, "Literal", $"{path}[{i}]"))
                    pattern.Add(c);
        }

        return pattern;
    }

    private static string TypeName(JsonElement json, string path)
    {
        var type = Text(json, "entity_type", path);
        return Parser.IsName(type)
            ? type
            : throw new CedarJsonException($"{path}.entity_type", $"`{type}` is not the name of an entity type");
    }

    private static JsonElement Field(JsonElement json, string name, string path) =>
        json.ValueKind is JsonValueKind.Object && json.TryGetProperty(name, out var field)
            ? field
            : throw new CedarJsonException(path, $"expected `{name}`");

    private static string Text(JsonElement json, string name, string path) => CedarJson.String(Field(json, name, path), $"{path}.{name}");

    private static JsonElement.ArrayEnumerator Items(JsonElement json, string path) =>
        json.ValueKind is JsonValueKind.Array ? json.EnumerateArray() : throw new CedarJsonException(path, "expected an array");

    private static void OnlyFields(JsonElement json, string path, params ReadOnlySpan<string> names)
    {
        if (json.ValueKind is not JsonValueKind.Object)
            throw new CedarJsonException(path, "expected an object");
        foreach (var field in json.EnumerateObject())
        {
            if (!names.Contains(field.Name))
                throw new CedarJsonException($"{path}.{field.Name}", $"expected only {string.Join(", ", names.ToArray())}");
        }
    }
}
