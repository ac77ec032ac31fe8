using System.Collections.Concurrent;
using GraphQL;
using GraphQL.DI;
using GraphQL.Execution;
using GraphQLParser.AST;
using GraphQLParser.Visitors;
using Mumega.Api.Identity;

namespace Mumega.Api.GraphQL.Transport;

/// <summary>What a request may cost. From the configuration section <c>GraphQL</c>.</summary>
public sealed class GraphQLLimits
{
    public int MaxBodyBytes { get; set; } = 1024 * 1024;

    /// <summary>Length of the document in characters; variables don't count.</summary>
    public int MaxDocumentLength { get; set; } = 15_000;

    public int MaxDepth { get; set; } = 12;

    public int MaxAliases { get; set; } = 15;

    public int MaxRootFields { get; set; } = 10;

    public int MaxDirectives { get; set; } = 50;

    public double MaxCost { get; set; } = 20_000;

    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether browsers' sessions may send the web app's own operations only.</summary>
    public bool RegisteredOnly { get; set; } = true;
}

/// <summary>Runs operations for a caller. A document is parsed, measured and validated once and then remembered.</summary>
public sealed class Executor(IDocumentExecuter documents, GraphQLLimits limits, IServiceProvider services, ILogger<Executor> log)
{
    public async Task<ExecutionResult> ExecuteAsync(GraphQLRequest request, Caller caller, bool get, CancellationToken ct)
    {
        var context = new RequestContext(caller, services, get);
        var result = await ExecuteAsync(request, context, ct);

        // What was seen by an elevation is on record before it leaves.
        foreach (var (workspace, elevation) in context.Elevated)
            await context.Kernel.SawAsync(
                caller.Actor,
                workspace,
                elevation,
                request.OperationName,
                request.Query ?? "",
                request.Variables is { Count: > 0 } v ? System.Text.Json.JsonSerializer.Serialize(v) : null,
                ct
            );
        return result;
    }

    private Task<ExecutionResult> ExecuteAsync(GraphQLRequest request, RequestContext context, CancellationToken ct) =>
        documents.ExecuteAsync(
            new()
            {
                Query = request.Query,
                OperationName = request.OperationName,
                Variables = request.Variables,
                Extensions = request.Extensions,
                RequestServices = services,
                UserContext = context,
                CancellationToken = ct,
                Timeout = limits.Timeout,
                TimeoutAction = TimeoutAction.ReturnTimeoutError,
                UnhandledExceptionDelegate = failed =>
                {
                    // The caller only hears that something went wrong; whoever runs this needs to know what.
                    if (failed.OriginalException is not (RefusalException or OperationCanceledException))
                        log.LogError(
                            failed.OriginalException,
                            "A field could not be resolved: {Path}",
                            failed.FieldContext is { } field ? string.Join('.', field.Path) : ""
                        );
                    return Task.CompletedTask;
                },
            }
        );
}

/// <summary>The document breaks a limit or the transport's rules.</summary>
public sealed class RequestRefusedException(string code, string message) : RequestError(message)
{
    public string Refusal { get; } = code;
}

/// <summary>Parses a document once, refuses one that breaks the static limits, and keeps it for the next time.</summary>
public sealed class DocumentCache(GraphQLLimits limits, IDocumentBuilder builder, RegisteredOperations registered) : IConfigureExecution
{
    private const int MaxDocuments = 1_000;

    private readonly ConcurrentDictionary<string, GraphQLDocument> validated = new(StringComparer.Ordinal);

    public float SortOrder => 100;

    public async Task<ExecutionResult> ExecuteAsync(ExecutionOptions options, ExecutionDelegate next)
    {
        if (options.Query is not { Length: > 0 } text)
            return Refused("EMPTY", "The document is empty.");
        if (text.Length > limits.MaxDocumentLength)
            return Refused("DOCUMENT_TOO_LONG", $"The document may have at most {limits.MaxDocumentLength} characters.");

        if (options.UserContext is RequestContext { Session: not null } && !registered.Allows(text))
            return Refused("UNREGISTERED_OPERATION", "A browser's session sends the operations of its pages only. Use a token for others.");

        if (validated.TryGetValue(text, out var known))
        {
            options.Document = known;
            options.ValidationRules = options.CachedDocumentValidationRules;
        }
        else
        {
            try
            {
                options.Document = builder.Build(text);
            }
            catch (ExecutionError e)
            {
                return new ExecutionResult { Errors = [e] };
            }

            if (Measure.Refusal(options.Document, limits) is { } refusal)
                return new ExecutionResult { Errors = [refusal] };
        }

        var operation = Operation(options.Document, options.OperationName);
        if (
            operation is not null
            && operation.Operation is not OperationType.Query
            && options.UserContext is RequestContext { ReadOnly: true }
        )
            return Refused("METHOD_NOT_ALLOWED", "Only queries may be sent by GET.");
        if (operation?.Operation is OperationType.Subscription)
            options.Timeout = Timeout.InfiniteTimeSpan;

        var result = await next(options);
        if (known is null && result.Executed)
        {
            if (validated.Count >= MaxDocuments)
                validated.Clear();
            validated[text] = options.Document;
        }

        return result;
    }

    private static GraphQLOperationDefinition? Operation(GraphQLDocument document, string? name)
    {
        var operations = document.Definitions.OfType<GraphQLOperationDefinition>().ToList();
        return string.IsNullOrEmpty(name) ? operations.FirstOrDefault() : operations.FirstOrDefault(o => o.Name?.StringValue == name);
    }

    private static ExecutionResult Refused(string code, string message) => new() { Errors = [new RequestRefusedException(code, message)] };
}

/// <summary>Counts what a document asks for, each fragment once, so that measuring can't itself be made expensive.</summary>
internal static class Measure
{
    public static ExecutionError? Refusal(GraphQLDocument document, GraphQLLimits limits)
    {
        var fragments = document
            .Definitions.OfType<GraphQLFragmentDefinition>()
            .GroupBy(f => f.FragmentName.Name.StringValue)
            .ToDictionary(g => g.Key, g => g.First());
        var depths = new Dictionary<string, (int Depth, long Fields)>(StringComparer.Ordinal);
        var counter = new Counter();
        counter.VisitAsync(document, default).AsTask().GetAwaiter().GetResult();
        if (counter.Aliases > limits.MaxAliases)
            return new RequestRefusedException("TOO_MANY_ALIASES", $"At most {limits.MaxAliases} aliases are accepted.");
        if (counter.Directives > limits.MaxDirectives)
            return new RequestRefusedException("TOO_MANY_DIRECTIVES", $"At most {limits.MaxDirectives} directives are accepted.");

        foreach (var operation in document.Definitions.OfType<GraphQLOperationDefinition>())
        {
            var (depth, fields) = Size(operation.SelectionSet, fragments, depths, []);
            if (depth > limits.MaxDepth && !IsIntrospection(operation))
                return new RequestRefusedException("TOO_DEEP", $"At most {limits.MaxDepth} levels are accepted.");
            if (fields > 5_000)
                return new RequestRefusedException("TOO_COSTLY", "The document selects too many fields.");
            if (operation.SelectionSet.Selections.Count > limits.MaxRootFields)
                return new RequestRefusedException("TOO_MANY_ROOT_FIELDS", $"At most {limits.MaxRootFields} fields may stand at the root.");
        }

        return null;
    }

    private static bool IsIntrospection(GraphQLOperationDefinition operation) =>
        operation.SelectionSet.Selections.All(s =>
            s is GraphQLField field && field.Name.StringValue is "__schema" or "__type" or "__typename"
        );

    private static (int Depth, long Fields) Size(
        GraphQLSelectionSet? set,
        Dictionary<string, GraphQLFragmentDefinition> fragments,
        Dictionary<string, (int, long)> known,
        HashSet<string> open
    )
    {
        int depth = 0;
        long fields = 0;
        foreach (var selection in set?.Selections ?? [])
        {
            var (d, f) = selection switch
            {
                GraphQLField field => Below(Size(field.SelectionSet, fragments, known, open)),
                GraphQLInlineFragment inline => Size(inline.SelectionSet, fragments, known, open),
                GraphQLFragmentSpread spread => Spread(spread.FragmentName.Name.StringValue, fragments, known, open),
                _ => (0, 0),
            };
            depth = Math.Max(depth, d);
            fields = Math.Min(fields + f, int.MaxValue);
        }

        return (depth, fields);
    }

    private static (int, long) Below((int Depth, long Fields) inner) => (inner.Depth + 1, inner.Fields + 1);

    // A cycle is refused by validation; here it must only not run forever.
    private static (int, long) Spread(
        string name,
        Dictionary<string, GraphQLFragmentDefinition> fragments,
        Dictionary<string, (int, long)> known,
        HashSet<string> open
    )
    {
        if (known.TryGetValue(name, out var size))
            return size;
        if (!fragments.TryGetValue(name, out var fragment) || !open.Add(name))
            return (0, 0);
        size = Size(fragment.SelectionSet, fragments, known, open);
        open.Remove(name);
        return known[name] = size;
    }

    private sealed class Counter : ASTVisitor<Counter.None>
    {
        public int Aliases { get; private set; }

        public int Directives { get; private set; }

        protected override ValueTask VisitAliasAsync(GraphQLAlias alias, None context)
        {
            Aliases++;
            return base.VisitAliasAsync(alias, context);
        }

        protected override ValueTask VisitDirectiveAsync(GraphQLDirective directive, None context)
        {
            Directives++;
            return base.VisitDirectiveAsync(directive, context);
        }

        public readonly struct None : IASTVisitorContext
        {
            public CancellationToken CancellationToken => default;
        }
    }
}

/// <summary>Errors as the outside sees them: a stable code, no CLR names, no stack traces.</summary>
public sealed class ErrorInfo() : ErrorInfoProvider(o => o.ExposeExceptionDetails = false)
{
    public override global::GraphQL.Execution.ErrorInfo GetInfo(ExecutionError executionError)
    {
        var info = base.GetInfo(executionError);
        var code = executionError switch
        {
            RequestRefusedException refused => refused.Refusal,
            _ when executionError.InnerException is RefusalException inner => inner.Refusal.Code,
            UnhandledError => "INTERNAL",
            _ => executionError.Code ?? "BAD_REQUEST",
        };
        var message = executionError switch
        {
            UnhandledError when executionError.InnerException is RefusalException inner => inner.Message,
            UnhandledError => "Something went wrong on our side.",
            _ => info.Message,
        };
        return new()
        {
            Message = message,
            Extensions = new Dictionary<string, object?> { ["code"] = code },
        };
    }
}

/// <summary>A refusal in a place where there is no payload to carry it, such as a field of a query.</summary>
public sealed class RefusalException(Domain.Refusal refusal) : Exception(refusal.Message)
{
    public Domain.Refusal Refusal { get; } = refusal;
}
