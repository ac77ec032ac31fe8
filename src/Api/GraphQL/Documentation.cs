using System.Collections.Concurrent;
using System.Reflection;
using System.Text;
using System.Xml.Linq;
using GraphQL;
using GraphQL.Types;

namespace Mumega.Api.GraphQL;

/// <summary>
/// Gives types, fields, arguments and enum values the summaries of their classes as descriptions. GraphQL.NET does the same, but searches the whole documentation file for each of thousands of members,
/// which is half a second of every start.
/// </summary>
[AttributeUsage(AttributeTargets.All)]
internal sealed class DocumentedAttribute : GraphQLAttribute
{
    private static readonly ConcurrentDictionary<Assembly, IReadOnlyDictionary<string, XElement>> Files = new();

    public override void Modify(IGraphType graphType, Type sourceType) => graphType.Description ??= Summary(sourceType);

    public override void Modify(FieldType fieldType, bool isInputType, IGraphType graphType, MemberInfo memberInfo, ref bool ignore) =>
        fieldType.Description ??= Summary(memberInfo);

    public override void Modify(QueryArgument queryArgument, ParameterInfo parameterInfo) =>
        queryArgument.Description ??= Text(
            Find(parameterInfo.Member)?.Elements("param").FirstOrDefault(p => (string?)p.Attribute("name") == parameterInfo.Name)
        );

    public override void Modify(EnumValueDefinition enumValueDefinition)
    {
        if (enumValueDefinition.Value is Enum value && value.GetType().GetField(value.ToString()) is { } field)
            enumValueDefinition.Description ??= Summary(field);
    }

    private static string? Summary(MemberInfo member) => Text(Find(member)?.Element("summary"));

    private static XElement? Find(MemberInfo member)
    {
        var type = member as Type ?? member.DeclaringType!;
        return Files.GetOrAdd(type.Assembly, Read).GetValueOrDefault(Id(member));
    }

    private static IReadOnlyDictionary<string, XElement> Read(Assembly assembly)
    {
        var path = Path.ChangeExtension(assembly.Location, ".xml");
        return File.Exists(path)
            ? XDocument
                .Load(path)
                .Descendants("member")
                .DistinctBy(m => (string)m.Attribute("name")!)
                .ToDictionary(m => (string)m.Attribute("name")!)
            : new Dictionary<string, XElement>();
    }

    // The compiler's ids (C# specification, annex D), as far as members of a schema need them.
    private static string Id(MemberInfo member) =>
        member switch
        {
            Type type => $"T:{Name(type)}",
            FieldInfo field => $"F:{Name(field.DeclaringType!)}.{field.Name}",
            PropertyInfo property => $"P:{Name(property.DeclaringType!)}.{property.Name}",
            MethodInfo method =>
                $"M:{Name(method.DeclaringType!)}.{method.Name}{(method.GetParameters() is { Length: > 0 } taken ? $"({string.Join(',', taken.Select(p => Argument(p.ParameterType)))})" : "")}",
            _ => "",
        };

    private static string Name(Type type) => (type.IsGenericType ? type.GetGenericTypeDefinition() : type).FullName!.Replace('+', '.');

    private static string Argument(Type type) =>
        type.IsArray ? $"{Argument(type.GetElementType()!)}[]"
        : type.IsGenericType
            ? $"{Name(type)[..Name(type).IndexOf('`', StringComparison.Ordinal)]}{{{string.Join(',', type.GetGenericArguments().Select(Argument))}}}"
        : Name(type);

    private static string? Text(XElement? element)
    {
        if (element is null)
            return null;

        var text = new StringBuilder();
        foreach (var node in element.Nodes())
        {
            if (node is XText words)
                text.Append(words.Value);
            else if (node is XElement inner)
                text.Append(
                    inner.Value.Length > 0
                        ? inner.Value
                        : ((string?)inner.Attribute("cref"))?.Split('.')[^1] ?? (string?)inner.Attribute("name")
                );
        }

        return text.ToString().Trim() is { Length: > 0 } trimmed ? trimmed : null;
    }
}
