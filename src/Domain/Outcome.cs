using System.Diagnostics.CodeAnalysis;

namespace Mumega.Domain;

/// <summary>A "no" that the caller is expected to handle. Anything unexpected throws instead.</summary>
public abstract record Refusal(string Message)
{
    /// <summary>A stable, machine-readable name of the refusal: its type's name in capitals.</summary>
    public string Code =>
        string.Concat(GetType().Name.Select((c, i) => i > 0 && char.IsUpper(c) ? "_" + c : char.ToUpperInvariant(c).ToString()));

    /// <summary>Where in the mutation's input the fault lies, outermost name first; absent when it concerns the whole.</summary>
    public virtual IReadOnlyList<string>? Path => null;
}

/// <summary>Either a value or the reason why there is none.</summary>
public readonly record struct Outcome<T>
    where T : class
{
    private readonly T? value;
    private readonly Refusal? refusal;

    private Outcome(T? value, Refusal? refusal) => (this.value, this.refusal) = (value, refusal);

    public static implicit operator Outcome<T>(T value) => new(value, null);

    public static implicit operator Outcome<T>(Refusal refusal) => new(null, refusal);

    public bool Refused([NotNullWhen(true)] out Refusal? why, [NotNullWhen(false)] out T? result)
    {
        (why, result) = (refusal, value);
        return refusal is not null;
    }
}

/// <summary>No object of that kind with that id is visible to the caller; says nothing about other workspaces.</summary>
public sealed record NotFound(string Kind, string Id) : Refusal($"There is no {Kind} with the id {Id} here.");

/// <summary>One fault in an action's input.</summary>
/// <param name="Path">A JSON Pointer (RFC 6901) into the input.</param>
/// <param name="Line">Inside a text: the line, from 1; otherwise absent.</param>
/// <param name="Column">Inside a text: the column, from 1; otherwise absent.</param>
public sealed record InputFault(string Path, string Message, int? Line = null, int? Column = null)
{
    public override string ToString() => Line is null ? $"{Path} {Message}" : $"{Path} {Line}:{Column} {Message}";
}

/// <summary>The input breaks the action's schema; every fault is listed.</summary>
public sealed record InvalidInput(IReadOnlyList<InputFault> Faults)
    : Refusal($"The input has {Faults.Count} fault(s): {string.Join("; ", Faults)}")
{
    public override IReadOnlyList<string> Path => ["input"];
}

/// <summary>The input is larger than an action accepts.</summary>
public sealed record InputTooLarge(int Bytes, int MaxBytes) : Refusal($"The input has {Bytes} bytes; at most {MaxBytes} are accepted.")
{
    public override IReadOnlyList<string> Path => ["input"];
}

/// <summary>An argument outside what the operation accepts.</summary>
public sealed record InvalidArgument(string Argument, string Problem) : Refusal($"{Argument}: {Problem}")
{
    public override IReadOnlyList<string> Path => [Argument];
}

/// <summary>Somebody else changed the object in the meantime. Read it again and repeat.</summary>
public sealed record StaleVersion() : Refusal("Somebody else changed this in the meantime. Load it again and repeat.");

/// <summary>The object is not in a state that allows this.</summary>
public sealed record WrongState(string State, string Needed) : Refusal($"This is {State}; it needs to be {Needed}.");

/// <summary>The idempotency key was already used for a different request.</summary>
public sealed record IdempotencyConflict(string Key) : Refusal("This idempotency key was already used with other content.")
{
    public override IReadOnlyList<string> Path => ["idempotencyKey"];
}

/// <summary>The token lacks a scope, which is a ceiling over everything that its principal may (RFC 6749 section 3.3).</summary>
/// <param name="Scope">The one that it would take.</param>
public sealed record ScopeRequired(string Scope) : Refusal($"The token lacks the scope {Scope}.");

/// <summary>Policy does not allow this; nothing was done.</summary>
public sealed record PolicyDenied(string Reason, IReadOnlyList<string> Policies, string PolicyVersion)
    : Refusal($"Policy does not allow this: {Reason}");
