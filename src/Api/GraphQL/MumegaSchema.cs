using System.Text.Json;
using GraphQL;
using GraphQL.Types;
using GraphQL.Validation.Complexity;
using GraphQL.Validation.Rules.Custom;
using GraphQLParser.AST;
using Mumega.Api.GraphQL.Transport;
using Mumega.Domain;

namespace Mumega.Api.GraphQL;

/// <summary>The schema, made from the classes beside this file; refusals become error types by themselves.</summary>
public sealed class MumegaSchema : Schema
{
    public MumegaSchema(IServiceProvider services)
        : base(services)
    {
        Query = new AutoRegisteringObjectGraphType<Query>();
        Mutation = new AutoRegisteringObjectGraphType<Mutation>();
        Subscription = new AutoRegisteringObjectGraphType<Subscription>();

        RegisterTypeMapping(typeof(JsonElement), typeof(JsonScalar));
        RegisterTypeMapping(typeof(Refusal), typeof(ErrorInterface));
        var refusals = new[] { typeof(Refusal).Assembly, typeof(MumegaSchema).Assembly }
            .SelectMany(a => a.GetTypes())
            .Where(t => t is { IsAbstract: false } && t.IsAssignableTo(typeof(Refusal)))
            .OrderBy(t => t.Name, StringComparer.Ordinal);
        foreach (var refusal in refusals)
        {
            var type = typeof(RefusalType<>).MakeGenericType(refusal);
            RegisterTypeMapping(refusal, type);
            RegisterType(type);
        }

        foreach (
            var node in new[]
            {
                typeof(RunNode),
                typeof(ApprovalNode),
                typeof(ReceiptNode),
                typeof(PageNode),
                typeof(StopNode),
                typeof(ContractNode),
                typeof(PacketNode),
                typeof(DelegationNode),
                typeof(ElevationNode),
                typeof(WorkspaceNode),
                typeof(PrincipalNode),
            }
        )
            RegisterType(typeof(AutoRegisteringObjectGraphType<>).MakeGenericType(node));
        this.WithIntrospectionComplexityImpact(0.01);
    }
}

/// <summary>Any JSON value.</summary>
public sealed class JsonScalar : ScalarGraphType
{
    public JsonScalar() => (Name, Description) = ("JSON", "Any JSON value. Numbers are whole; write others as strings.");

    public override object? ParseLiteral(GraphQLValue value) =>
        value is GraphQLNullValue ? JsonSerializer.SerializeToElement<object?>(null) : JsonSerializer.SerializeToElement(Plain(value));

    public override object? ParseValue(object? value) => value is JsonElement json ? json : JsonSerializer.SerializeToElement(value);

    public override object? Serialize(object? value) => value;

    public override bool CanParseLiteral(GraphQLValue value) => true;

    public override bool CanParseValue(object? value) => true;

    private static object? Plain(GraphQLValue value) =>
        value switch
        {
            GraphQLObjectValue o => (o.Fields ?? []).ToDictionary(f => f.Name.StringValue, f => Plain(f.Value)),
            GraphQLListValue l => (l.Values ?? []).Select(Plain).ToList(),
            GraphQLStringValue s => s.Value.ToString(),
            GraphQLBooleanValue b => b.BoolValue,
            GraphQLIntValue i => JsonDocument.Parse(i.Value.ToString()).RootElement,
            GraphQLFloatValue f => JsonDocument.Parse(f.Value.ToString()).RootElement,
            GraphQLEnumValue e => e.Name.StringValue,
            GraphQLNullValue => null,
            _ => throw new NotSupportedException("Variables inside a JSON literal are not supported; send the whole value as a variable."),
        };
}

/// <summary>A "no" that the caller is expected to handle.</summary>
public sealed class ErrorInterface : InterfaceGraphType<Refusal>
{
    public ErrorInterface()
    {
        (Name, Description) = ("Error", "A \"no\" that the caller is expected to handle.");
        Field(r => r.Code).Description("A stable, machine-readable name of the refusal.");
        Field(r => r.Message).Description("The refusal in words for people.");
        Field<ListGraphType<NonNullGraphType<StringGraphType>>>("path").Description("Where in the mutation's input the fault lies.");
    }
}

/// <summary>A refusal as an object type of the same name; its properties become fields.</summary>
public sealed class RefusalType<T> : AutoRegisteringObjectGraphType<T>
    where T : Refusal
{
    public RefusalType() => Interface<ErrorInterface>();
}

/// <summary>A list costs as much as the rows that are asked for.</summary>
public sealed class PageCost : IFieldComplexityAnalyzer
{
    public FieldComplexityResult Analyze(FieldImpactContext context) =>
        new(1, Math.Clamp(context.GetArgument<int?>("first") ?? Paging.Default, 1, 1_000_000));
}

public static class GraphQLSetup
{
    public static void AddMumegaGraphQL(this IServiceCollection services, GraphQLLimits limits)
    {
        if (!GlobalSwitches.GlobalAttributes.Any(a => a is DocumentedAttribute))
            GlobalSwitches.GlobalAttributes.Add(new DocumentedAttribute());
        services
            .AddSingleton(limits)
            .AddSingleton<RegisteredOperations>()
            .AddSingleton<Executor>()
            .AddSingleton<HttpTransport>()
            .AddSingleton<SocketTransport>();
        services.AddGraphQL(builder =>
            builder
                .AddSchema<MumegaSchema>()
                .AddSystemTextJson()
                .AddAutoClrMappings()
                .AddGraphTypes(typeof(MumegaSchema).Assembly)
                .AddErrorInfoProvider<ErrorInfo>()
                .ConfigureExecution<DocumentCache>()
                .AddValidationRule(
                    new ComplexityValidationRule(
                        new ComplexityOptions
                        {
                            MaxComplexity = (int)limits.MaxCost,
                            MaxDepth = null,
                            DefaultListImpactMultiplier = 10,
                            DefaultObjectImpact = 1,
                            DefaultScalarImpact = 0.2,
                        }
                    ),
                    useForCachedDocuments: true
                )
        );
    }
}
