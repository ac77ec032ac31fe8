using Microsoft.AspNetCore.Builder;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Mumega.Api;
using Mumega.App.Tests.Packets;

namespace Mumega.App.Tests.Authority;

/// <summary>The product without its web server and workers, on a database of its own that can be saved and loaded in a millisecond.</summary>
internal sealed class House : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly string folder;
    private TimeSpan passed;
    private long loads;
    private long schema;

    private House(WebApplication app, string folder, MovableClock clock) => (this.app, this.folder, Clock) = (app, folder, clock);

    public MovableClock Clock { get; }

    public T Get<T>()
        where T : notnull => app.Services.GetRequiredService<T>();

    public static async Task<House> OpenAsync(CancellationToken ct)
    {
        var shared = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        var folder = Directory.CreateDirectory(Path.Combine(shared, $"mumega-histories-{Guid.NewGuid():N}")).FullName;
        var clock = new MovableClock();
        var app = MumegaHost.Build(
            [$"--Data={folder}", $"--Urls=http://localhost:{MumegaApp.FreePort()}", "--Jobs:Run=false"],
            b =>
            {
                b.Logging.ClearProviders();
                b.Services.AddSingleton<TimeProvider>(clock);
            }
        );
        await app.PrepareAsync(ct);
        return new(app, folder, clock);
    }

    /// <summary>Makes it so late in this history.</summary>
    public void GoTo(TimeSpan late)
    {
        Clock.Advance(late - passed);
        passed = late;
    }

    /// <summary>Everything that is in the database now.</summary>
    public SqliteConnection Save()
    {
        var saved = new SqliteConnection("Data Source=:memory:");
        saved.Open();
        using var file = Open();
        using var version = file.CreateCommand();
        version.CommandText = "PRAGMA schema_version";
        schema = (long)version.ExecuteScalar()!;
        file.BackupDatabase(saved);
        return saved;
    }

    /// <summary>Has the database as it was saved, with a count of authority that was never used: what is remembered of another history is not taken for this one's.</summary>
    public void Load(SqliteConnection saved)
    {
        using var file = Open();
        saved.BackupDatabase(file);
        using var count = file.CreateCommand();

        // The tables stayed what they are; the other connections need not read about them again.
        count.CommandText = $"UPDATE \"Tenants\" SET \"Authority\" = {++loads * 1_000_000}; PRAGMA schema_version = {schema}";
        count.ExecuteNonQuery();
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        SqliteConnection.ClearAllPools();
        Directory.Delete(folder, recursive: true);
    }

    private SqliteConnection Open()
    {
        var file = new SqliteConnection($"Data Source={Path.Combine(folder, "mumega.db")}");
        file.Open();
        using var wait = file.CreateCommand();
        wait.CommandText = "PRAGMA busy_timeout = 30000; PRAGMA synchronous = OFF";
        wait.ExecuteNonQuery();
        return file;
    }
}
