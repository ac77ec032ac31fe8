using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mumega.Domain.Receipts;
using Mumega.TransparencyLog;

namespace Mumega.Cli;

/// <summary><c>mumega verify FILE</c>: checks evidence without database or network. Exit code 0: valid, 1: invalid, 2: can't tell, 64: wrong usage.</summary>
internal static class Verify
{
    private const int Usage = 64;

    private const string Help = """
        usage: mumega verify FILE [--key KEY]... [--checkpoint FILE] [--witness KEY]... [--quorum N] [--json]

        Checks a single receipt (.tlog-proof) or a bundle of evidence (.json), without database or network.

          --key KEY          a verifier key of the log that you pinned before, or a file with some, one a line
          --checkpoint FILE  a checkpoint of the log that you kept from before: shows a removed tail and rewritten history
          --witness KEY      a verifier key of a witness that you trust, or a file with some
          --quorum N         how many of the witnesses must have cosigned; all of them when not given
          --json             the report as JSON

        Exit code: 0 valid, 1 invalid, 2 can't tell (unknown format, no pinned key, a proof is missing), 64 wrong usage.
        """;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    public static int Run(string[] args, TextWriter output, TextWriter errors)
    {
        string? file = null,
            earlier = null;
        List<VerifierKey> keys = [],
            witnesses = [];
        int? quorum = null;
        var json = false;
        try
        {
            for (var i = 0; i < args.Length; i++)
            {
                switch (args[i])
                {
                    case "--help" or "-h":
                        output.WriteLine(Help);
                        return 0;
                    case "--json":
                        json = true;
                        break;
                    case "--key" when i + 1 < args.Length:
                        keys.AddRange(Keys(args[++i]));
                        break;
                    case "--witness" when i + 1 < args.Length:
                        witnesses.AddRange(Keys(args[++i]));
                        break;
                    case "--checkpoint" when i + 1 < args.Length:
                        earlier = args[++i];
                        break;
                    case "--quorum" when i + 1 < args.Length && int.TryParse(args[i + 1], out var n) && n >= 0:
                        quorum = n;
                        i++;
                        break;
                    case var path when file is null && !path.StartsWith('-'):
                        file = path;
                        break;
                    default:
                        errors.WriteLine($"{args[i]} is not understood here.\n\n{Help}");
                        return Usage;
                }
            }

            if (file is null)
            {
                errors.WriteLine(Help);
                return Usage;
            }

            var trust = new Trust(keys, earlier is null ? null : SignedNote.Parse(Read(earlier)), witnesses, quorum ?? witnesses.Count);
            var report = EvidenceVerifier.Verify(Read(file), trust);
            if (json)
                output.WriteLine(JsonSerializer.Serialize(report, Json));
            else
                Print(report, output);
            return (int)report.Result;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LogFormatException)
        {
            errors.WriteLine(e.Message);
            return Usage;
        }
    }

    // What is too large is not read into memory; the verifier says so of the few bytes it gets.
    private static byte[] Read(string path)
    {
        using var stream = File.OpenRead(path);
        if (stream.Length > EvidenceBundle.MaxBytes)
            return new byte[EvidenceBundle.MaxBytes + 1];
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static IEnumerable<VerifierKey> Keys(string given) =>
        File.Exists(given)
            ? File.ReadLines(given).Where(l => l.Trim().Length > 0).Select(l => VerifierKey.Parse(l.Trim()))
            : [VerifierKey.Parse(given)];

    private static void Print(EvidenceReport report, TextWriter output)
    {
        foreach (var check in report.Checks)
            output.WriteLine($"{Mark(check.Result)} {check.Name}: {check.Detail}");
        foreach (var receipt in report.Receipts)
        {
            output.WriteLine($"\n  {receipt.Kind} · {receipt.At} · {receipt.Id}");
            foreach (var (name, value) in receipt.Fields.OrderBy(f => f.Key, StringComparer.Ordinal))
                output.WriteLine($"    {name}: {value.GetRawText()}");
            if (receipt.Closed > 0)
                output.WriteLine($"    {receipt.Closed} commitment(s) stay closed");
        }

        output.WriteLine(
            $"\n{report.Result switch { CheckResult.Valid => "VALID", CheckResult.Invalid => "INVALID", _ => "CAN'T TELL" }}{(report.Origin is null ? "" : $": {report.Origin}{(report.Size is null ? "" : $", {report.Size} receipts")}")}"
        );
        if (report.Result is CheckResult.Valid)
            output.WriteLine("Not checked: whether the world is as the receipts say, and whether something happened that has no receipt.");
    }

    private static string Mark(CheckResult result) =>
        result switch
        {
            CheckResult.Valid => "ok     ",
            CheckResult.Invalid => "INVALID",
            _ => "?      ",
        };
}
