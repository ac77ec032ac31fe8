using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Mumega.TransparencyLog;
using Mumega.Witness;

// A witness of its own: run it where the operators of the log can't reach. Settings: Name, Data (a folder), Logs (a file with verifier keys, one a line), Urls.
var builder = WebApplication.CreateBuilder(args);
builder.Services.Configure<KestrelServerOptions>(kestrel =>
    (kestrel.AddServerHeader, kestrel.Limits.MaxRequestBodySize) = (false, 64 * 1024)
);
var app = builder.Build();
var data = app.Configuration["Data"] ?? ".mumega-witness";
var logs =
    app.Configuration["Logs"]
    ?? throw new InvalidOperationException("Logs names a file with the verifier keys of the logs to witness, one a line.");
app.MapWitness(
    new(
        WitnessHost.Key(app.Configuration["Name"] ?? "witness.mumega.local", data),
        [.. File.ReadLines(logs).Where(l => l.Trim().Length > 0).Select(l => VerifierKey.Parse(l.Trim()))],
        Path.Combine(data, "logs"),
        TimeProvider.System
    )
);
await app.RunAsync();

namespace Mumega.Witness
{
    public static class WitnessHost
    {
        /// <summary>Serves <c>POST /add-checkpoint</c> (C2SP tlog-witness) and the witness's key at <c>GET /witness.vkey</c>.</summary>
        public static void MapWitness(this WebApplication app, Ledger ledger)
        {
            app.MapGet("/witness.vkey", () => Results.Text($"{ledger.Key}\n"));
            app.MapPost(
                "/add-checkpoint",
                async (HttpRequest request) =>
                {
                    using var body = new StreamReader(request.Body, new UTF8Encoding(false, true));
                    Answer answer;
                    try
                    {
                        answer = ledger.Add(await body.ReadToEndAsync());
                    }
                    catch (DecoderFallbackException)
                    {
                        answer = new(400, "not text in UTF-8");
                    }

                    return Results.Text(answer.Body, answer.IsSize ? "text/x.tlog.size" : "text/plain", Encoding.UTF8, answer.Status);
                }
            );
        }

        /// <summary>The witness's key: read from the folder, made there the first time, readable by its owner only.</summary>
        public static SignerKey Key(string name, string folder)
        {
            Directory.CreateDirectory(folder);
            var file = Path.Combine(folder, "key");
            if (!File.Exists(file))
            {
                var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
                if (!OperatingSystem.IsWindows())
                    options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
                using var stream = new StreamWriter(new FileStream(file, options));
                stream.Write(Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
            }

            return new(name, Convert.FromBase64String(File.ReadAllText(file)), KeyType.Cosignature);
        }
    }
}
