using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Mumega.Domain;
using Mumega.Domain.Actions;
using Mumega.TransparencyLog;
using NJsonSchema;
using NJsonSchema.Validation;

namespace Mumega.Infrastructure.Actions;

/// <summary>Checks an action's input against its JSON Schema and brings it into the one canonical form that is kept, shown and hashed.</summary>
public sealed class InputSchemas
{
    public const int MaxBytes = 256 * 1024;

    private readonly ConcurrentDictionary<string, JsonSchema> schemas = new(StringComparer.Ordinal);

    /// <summary>The canonical input, or every fault with its JSON Pointer.</summary>
    public Outcome<string> Read(ActionDefinition action, JsonElement input)
    {
        var raw = input.GetRawText();
        if (Encoding.UTF8.GetByteCount(raw) is > MaxBytes and var bytes)
            return new InputTooLarge(bytes, MaxBytes);

        string canonical;
        try
        {
            canonical = CanonicalJson.Write(input).Normalize(NormalizationForm.FormC);
        }
        catch (Exception e) when (e is CanonicalJsonException or ArgumentException)
        {
            return new InvalidInput([new("", e.Message)]);
        }

        var schema = schemas.GetOrAdd(
            $"{action.Kind}/{action.Version}",
            _ => JsonSchema.FromJsonAsync(action.InputSchema).GetAwaiter().GetResult()
        );
        var faults = schema.Validate(canonical).SelectMany(Faults).ToList();
        return faults.Count == 0 ? canonical : new InvalidInput(faults);
    }

    private static IEnumerable<InputFault> Faults(ValidationError error)
    {
        var path = error.Path is null ? "" : error.Path.Replace("#", "", StringComparison.Ordinal).Replace('.', '/');
        yield return new(path, Words(error));
    }

    private static string Words(ValidationError error) =>
        error.Kind switch
        {
            ValidationErrorKind.PropertyRequired => "is required",
            ValidationErrorKind.NoAdditionalPropertiesAllowed => "is not a field of this action",
            ValidationErrorKind.PatternMismatch => $"must match {error.Schema.Pattern}",
            ValidationErrorKind.StringTooShort => $"must have at least {error.Schema.MinLength} character(s)",
            ValidationErrorKind.StringTooLong => $"may have at most {error.Schema.MaxLength} characters",
            ValidationErrorKind.StringExpected => "must be a string",
            ValidationErrorKind.IntegerExpected => "must be a whole number",
            ValidationErrorKind.ObjectExpected => "must be an object",
            ValidationErrorKind.NumberTooSmall => $"must be at least {error.Schema.Minimum}",
            _ => $"is not valid ({error.Kind})",
        };
}
