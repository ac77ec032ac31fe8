using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Mumega.Domain;
using Mumega.Domain.Imports;
using Sylvan.Data.Csv;

namespace Mumega.Infrastructure.Imports;

/// <summary>A row of a file.</summary>
/// <param name="Number">As a spreadsheet counts: the column names are row 1; in NDJSON the line.</param>
/// <param name="Record">Its values by column; absent when it can't be read.</param>
/// <param name="Problem">Why it can't be read.</param>
internal readonly record struct FileRow(long Number, JsonElement? Record, string? Problem);

/// <summary>What a file is made of.</summary>
internal sealed record FileShape(IReadOnlyList<string> Columns, int Rows);

/// <summary>Reads the rows of CSV (RFC 4180) and NDJSON files.</summary>
internal static class ImportReader
{
    private const int MaxLine = 1024 * 1024;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Looks at the whole file once: its encoding, its columns, how many rows.</summary>
    public static Outcome<FileShape> Inspect(ImportFormat format, byte[] content)
    {
        if (EncodingFault(content) is { } wrong)
            return wrong;

        var (columns, seen, rows, last) = (new List<string>(), new HashSet<string>(StringComparer.Ordinal), 0, 0L);
        try
        {
            using var stream = new MemoryStream(content, writable: false);
            if (format is ImportFormat.Csv)
            {
                using var reader = Csv(stream);
                for (var i = 0; i < reader.FieldCount; i++)
                {
                    var name = reader.GetName(i).Trim();
                    if (name.Length == 0)
                        return new UnreadableFile(1, $"column {i + 1} has no name.");
                    if (!seen.Add(name))
                        return new UnreadableFile(1, $"two columns are called \"{name}\".");
                    columns.Add(name);
                }

                if (columns.Count > PacketImport.MaxColumns)
                    return new UnreadableFile(1, $"there are {columns.Count} columns; at most {PacketImport.MaxColumns} are taken.");
                for (last = 1; reader.Read(); last++)
                {
                    if (++rows > PacketImport.MaxRows)
                        return new TooManyRows(PacketImport.MaxRows);
                }
            }
            else
            {
                foreach (var row in Rows(format, stream))
                {
                    last = row.Number;
                    if (++rows > PacketImport.MaxRows)
                        return new TooManyRows(PacketImport.MaxRows);
                    if (row.Record is not { } record)
                        continue;
                    foreach (var field in record.EnumerateObject())
                    {
                        if (seen.Add(field.Name))
                            columns.Add(field.Name);
                    }

                    if (columns.Count > PacketImport.MaxColumns)
                        return new UnreadableFile(
                            last,
                            $"by here there are more than {PacketImport.MaxColumns} different names; at most so many are taken."
                        );
                }
            }
        }
        catch (CsvMissingHeadersException)
        {
            return new UnreadableFile(1, "there are no column names.");
        }
        catch (Exception e) when (e is CsvFormatException or CsvRecordTooLargeException or CsvConfigurationException)
        {
            return new UnreadableFile(
                last + 1,
                e is CsvRecordTooLargeException
                    ? "is longer than a megabyte; a closing quotation mark may be missing before."
                    : "a quotation mark is not closed, or stands inside a field that is not quoted."
            );
        }

        return rows == 0 ? new UnreadableFile(last + 1, "there are no rows.") : new FileShape(columns, rows);
    }

    /// <summary>The rows of a file that <see cref="Inspect"/> could read.</summary>
    public static IEnumerable<FileRow> Rows(ImportFormat format, Stream content) =>
        format is ImportFormat.Csv ? CsvRows(content) : JsonRows(content);

    private static IEnumerable<FileRow> CsvRows(Stream content)
    {
        using var reader = Csv(content);
        var names = Enumerable.Range(0, reader.FieldCount).Select(i => JsonEncodedText.Encode(reader.GetName(i).Trim())).ToArray();
        var buffer = new ArrayBufferWriter<byte>();
        for (var number = 2L; reader.Read(); number++)
        {
            if (reader.RowFieldCount != names.Length)
            {
                yield return new(number, null, $"has {reader.RowFieldCount} fields, and there are {names.Length} columns");
                continue;
            }

            buffer.ResetWrittenCount();
            using (var writer = new Utf8JsonWriter(buffer))
            {
                writer.WriteStartObject();
                for (var i = 0; i < names.Length; i++)
                    writer.WriteString(names[i], reader.GetString(i));
                writer.WriteEndObject();
            }

            yield return new(number, JsonDocument.Parse(buffer.WrittenMemory.ToArray()).RootElement, null);
        }
    }

    private static IEnumerable<FileRow> JsonRows(Stream content)
    {
        using var reader = new StreamReader(
            content,
            Encoding.UTF8,
            detectEncodingFromByteOrderMarks: true,
            bufferSize: 64 * 1024,
            leaveOpen: true
        );
        var number = 0L;
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
                continue;

            yield return Read(line, number);
        }
    }

    private static FileRow Read(string line, long number)
    {
        if (line.Length > MaxLine)
            return new(number, null, "is longer than a megabyte");
        try
        {
            var record = JsonDocument.Parse(line, Strict).RootElement;
            return record.ValueKind is JsonValueKind.Object ? new(number, record, null) : new(number, null, "is no JSON object");
        }
        catch (JsonException e)
        {
            return new(number, null, $"is no valid JSON, at character {e.BytePositionInLine + 1}");
        }
    }

    private static CsvDataReader Csv(Stream content) =>
        CsvDataReader.Create(
            new StreamReader(content, Encoding.UTF8, detectEncodingFromByteOrderMarks: true, bufferSize: 64 * 1024, leaveOpen: true),
            new CsvDataReaderOptions
            {
                // A field may begin with what others take for a comment, and names that occur twice are refused with their own words.
                Comment = '\0',
                HeaderComparer = StringComparer.Ordinal,
                BufferSize = 64 * 1024,
                MaxBufferSize = MaxLine,
            }
        );

    private static WrongEncoding? EncodingFault(ReadOnlySpan<byte> content)
    {
        if (content.StartsWith((ReadOnlySpan<byte>)[0xff, 0xfe]) || content.StartsWith((ReadOnlySpan<byte>)[0xfe, 0xff]))
            return new("it begins as UTF-16 does", 0, 1);
        if (content.IndexOf((byte)0) is >= 0 and var zero)
            return new("there is a zero byte, as in UTF-16 or data that is no text,", zero, LineAt(content, zero));
        if (Utf8.IsValid(content))
            return null;

        var at = 0;
        while (Rune.DecodeFromUtf8(content[at..], out _, out var length) is OperationStatus.Done)
            at += length;
        return new($"byte 0x{content[at]:X2}, as Windows-1252 or Latin-1 write accented letters, stands", at, LineAt(content, at));
    }

    private static long LineAt(ReadOnlySpan<byte> content, int at) => content[..at].Count((byte)'\n') + 1;
}
