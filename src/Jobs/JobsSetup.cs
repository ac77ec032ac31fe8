using Hangfire;
using Hangfire.InMemory;
using Hangfire.PostgreSql;
using Hangfire.Server;
using Hangfire.SqlServer;
using Microsoft.Extensions.DependencyInjection;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Jobs;
using Mumega.Infrastructure.Receipts;
using Mumega.Infrastructure.Runs;
using Mumega.Infrastructure.Secrets;

namespace Mumega.Jobs;

public static class JobsSetup
{
    /// <summary>Adds the worker, the sequencer, the sealer and the recurring jobs, carried by Hangfire: in memory on SQLite, in the database on the servers.</summary>
    public static void AddMumegaJobs(this IServiceCollection services, DatabaseOptions database, JobOptions options)
    {
        services.AddSingleton<IBackgroundProcess, Worker>();
        services.AddSingleton<IBackgroundProcess, Sequencer>();
        services.AddSingleton<IBackgroundProcess, Sealer>();
        services.AddSingleton<IBackgroundProcess, Cosigner>();
        services.AddHangfire(hangfire =>
        {
            hangfire.UseRecommendedSerializerSettings();
            switch (database.Kind)
            {
                case DatabaseKind.Sqlite:
                    hangfire.UseInMemoryStorage(new InMemoryStorageOptions { MaxExpirationTime = TimeSpan.FromHours(1) });
                    break;
                case DatabaseKind.Postgres:
                    hangfire.UsePostgreSqlStorage(
                        c => c.UseNpgsqlConnection(database.Connection),
                        new PostgreSqlStorageOptions
                        {
                            QueuePollInterval = TimeSpan.FromSeconds(5),
                            UseSlidingInvisibilityTimeout = true,
                            InvisibilityTimeout = options.Lease,
                        }
                    );
                    break;
                default:
                    hangfire.UseSqlServerStorage(
                        database.Connection,
                        new SqlServerStorageOptions
                        {
                            QueuePollInterval = TimeSpan.FromSeconds(5),
                            SlidingInvisibilityTimeout = options.Lease,
                        }
                    );
                    break;
            }
        });
        services.AddHangfireServer(server =>
        {
            // Recurring housekeeping only; the real work is drained by the worker.
            server.WorkerCount = 1;
            server.ShutdownTimeout = TimeSpan.FromSeconds(5);
        });
    }

    /// <summary>Says when the recurring jobs run. Call once at start.</summary>
    public static void ScheduleMumegaJobs(this IServiceProvider services)
    {
        var recurring = services.GetRequiredService<IRecurringJobManager>();
        recurring.AddOrUpdate<Housekeeping>("housekeeping", house => house.TidyAsync(CancellationToken.None), Cron.Daily());
        recurring.AddOrUpdate<StopProber>("stops.probe", prober => prober.ProbeAsync(CancellationToken.None), Cron.Minutely());
        recurring.AddOrUpdate<LogAuditor>("log.audit", audit => audit.AuditAsync(CancellationToken.None), Cron.Daily(3));

        // Also now: a key that was put first in the configuration is there since this start.
        recurring.AddOrUpdate<SecretRotation>("secrets.rotate", rotation => rotation.RotateAsync(CancellationToken.None), Cron.Daily(4));
        recurring.Trigger("secrets.rotate");
    }
}
