using System.Text.Json;
using Mumega.Domain.Identity;
using Mumega.Domain.Packets;
using Mumega.Domain.Tenancy;
using Mumega.Domain.Workflows;

namespace Mumega.Domain.Imports;

/// <summary>How the rows of a file are written.</summary>
public enum ImportFormat
{
    /// <summary>RFC 4180, with a line of column names; comma, semicolon, tab or bar between the fields.</summary>
    Csv,

    /// <summary>One JSON object a line.</summary>
    Ndjson,
}

/// <summary>Where an import stands.</summary>
public enum ImportState
{
    /// <summary>The file is there; nobody has said yet what becomes of its columns.</summary>
    Uploaded,

    /// <summary>Its rows are being looked at.</summary>
    Checking,

    /// <summary>Every row was looked at; a run can let the packets in.</summary>
    Checked,

    /// <summary>Looking at the rows failed for a reason of ours; it can be begun again.</summary>
    Failed,

    /// <summary>The packets are in.</summary>
    Imported,

    /// <summary>Given up; nothing came in.</summary>
    Cancelled,
}

/// <summary>The file is not text in UTF-8.</summary>
/// <param name="Found">What it seems to be.</param>
/// <param name="Position">The first byte that shows it, from 0.</param>
/// <param name="Line">Its line, from 1.</param>
public sealed record WrongEncoding(string Found, long Position, long Line)
    : Refusal(
        $"The file is not UTF-8: {Found} at byte {Position:N0}, line {Line:N0}. Save it as UTF-8 (in spreadsheets: \"CSV UTF-8\") and send it again."
    );

/// <summary>The file's rows can't be told apart.</summary>
/// <param name="Row">As a spreadsheet counts: the column names are row 1; in NDJSON the line.</param>
public sealed record UnreadableFile(long Row, string Problem) : Refusal($"Row {Row:N0}: {Problem}");

/// <summary>The file has more rows than one import takes.</summary>
public sealed record TooManyRows(int MaxRows) : Refusal($"The file has more than {MaxRows:N0} rows. Split it.");

/// <summary>The import came to its end before.</summary>
public sealed record ImportOver() : Refusal("This import is over. Send the file again to begin another.");

/// <summary>A file whose rows become packets: first each row is looked at, then one run lets all of them in at once.</summary>
public sealed class PacketImport : IWorkspaceOwned
{
    /// <summary>The largest file, in bytes.</summary>
    public const int MaxBytes = 64 * 1024 * 1024;

    public const int MaxRows = 200_000;

    public const int MaxColumns = 200;

    /// <summary>After so long an import that nobody finished is given up.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(30);

    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid Id { get; init; }

    public required string FileName { get; init; }

    public required ImportFormat Format { get; init; }

    /// <summary>In bytes.</summary>
    public required long Size { get; init; }

    /// <summary>SHA-256 of the file, lower-case hex.</summary>
    public required string Digest { get; init; }

    /// <summary>A JSON array of the column names, or of the names found in the objects.</summary>
    public required string ColumnsJson { get; init; }

    public required int Rows { get; init; }

    public required Guid UploadedBy { get; init; }

    public required DateTimeOffset UploadedAt { get; init; }

    public ImportState State { get; private set; } = ImportState.Uploaded;

    /// <summary>Counts how often the rows were looked at from the start; work for an earlier time is void.</summary>
    public int Attempt { get; private set; }

    /// <summary>The <see cref="ImportPlan"/> as JSON.</summary>
    public string? PlanJson { get; private set; }

    public string? Type { get; private set; }

    public int? TypeVersion { get; private set; }

    public string? Workflow { get; private set; }

    public int? WorkflowVersion { get; private set; }

    /// <summary>The surface by which the rows were asked to be looked at; part of each packet's history.</summary>
    public string? Surface { get; private set; }

    /// <summary>How many rows were looked at.</summary>
    public int Checked { get; private set; }

    /// <summary>How many of them can't become packets.</summary>
    public int Faulty { get; private set; }

    /// <summary>The number of the last row that was looked at.</summary>
    public long LastRow { get; private set; }

    /// <summary>The run that let the packets in.</summary>
    public Guid? RunId { get; private set; }

    public DateTimeOffset? EndedAt { get; private set; }

    public int Version { get; private set; }

    public IReadOnlyList<string> Columns => JsonSerializer.Deserialize<string[]>(ColumnsJson)!;

    public ImportPlan? Plan => PlanJson is null ? null : ImportPlan.Read(PlanJson);

    public bool IsOver => State is ImportState.Imported or ImportState.Cancelled;

    /// <summary>Looks at every row, from the first, for this plan.</summary>
    public Refusal? Begin(ImportPlan plan, PacketType type, Workflow workflow, Actor by)
    {
        if (IsOver)
            return new ImportOver();

        (State, Attempt, PlanJson) = (ImportState.Checking, Attempt + 1, plan.ToJson());
        (Type, TypeVersion, Workflow, WorkflowVersion, Surface) = (type.Key, type.Number, workflow.Key, workflow.Number, by.Surface);
        (Checked, Faulty, LastRow) = (0, 0, 0);
        return null;
    }

    /// <summary>So many more rows were looked at.</summary>
    /// <param name="rows">How many.</param>
    /// <param name="faulty">How many of them can't become packets.</param>
    /// <param name="lastRow">The number of the last one.</param>
    /// <param name="all">Whether there are no more.</param>
    public void Look(int rows, int faulty, long lastRow, bool all) =>
        (Checked, Faulty, LastRow, State) = (Checked + rows, Faulty + faulty, lastRow, all ? ImportState.Checked : ImportState.Checking);

    /// <summary>Looking failed for a reason of ours.</summary>
    public void Fail()
    {
        if (State is ImportState.Checking)
            State = ImportState.Failed;
    }

    /// <summary>The packets came in.</summary>
    public void LetIn(Guid runId, DateTimeOffset now) => (State, RunId, EndedAt) = (ImportState.Imported, runId, now);

    /// <summary>Gives it up; nothing came in.</summary>
    public Refusal? Cancel(DateTimeOffset now)
    {
        if (IsOver)
            return new ImportOver();

        (State, EndedAt) = (ImportState.Cancelled, now);
        return null;
    }
}

/// <summary>The content of an import's file, while it is needed.</summary>
public sealed class ImportFile : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid ImportId { get; init; }

    /// <summary>Compressed with Brotli (RFC 7932).</summary>
    public required byte[] Content { get; init; }
}

/// <summary>What a row of an import's file comes to: a packet to be, or why it can't be one.</summary>
public sealed class ImportRow : IWorkspaceOwned
{
    public required Guid TenantId { get; init; }

    public required Guid WorkspaceId { get; init; }

    public required Guid ImportId { get; init; }

    /// <summary>As a spreadsheet counts: the column names are row 1; in NDJSON the line.</summary>
    public required long Number { get; init; }

    /// <summary>A JSON array of <see cref="InputFault"/>; absent when it can become a packet.</summary>
    public string? FaultsJson { get; init; }

    public Guid? PacketId { get; init; }

    public string? Title { get; init; }

    /// <summary>The title in small letters.</summary>
    public string? Folded { get; init; }

    public string? Payload { get; init; }

    /// <summary>A JSON array.</summary>
    public string? Labels { get; init; }

    /// <summary>What the packet's first event will say, JSON.</summary>
    public string? Data { get; init; }

    /// <summary>The id of the task that its first state opens.</summary>
    public Guid? TaskId { get; init; }

    public IReadOnlyList<InputFault> Faults => FaultsJson is null ? [] : JsonSerializer.Deserialize<InputFault[]>(FaultsJson)!;
}
