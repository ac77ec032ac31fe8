using System.Collections.Concurrent;
using System.Data.Common;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Mumega.Domain.Imports;
using Mumega.Domain.Packets;
using Mumega.Domain.Receipts;

namespace Mumega.Infrastructure.Data;

/// <summary>
/// Writes the record: rows that are only ever added, many in one statement. Column names, types and conversions come from the model. Going
/// through the change tracker row by row costs several times as much, and the record is most of what an act writes.
/// </summary>
internal sealed class RowWriter
{
    // SQL Server takes 2,100 parameters a statement, the others more.
    private const int MaxParameters = 2000;

    private readonly ConcurrentDictionary<Type, Table> tables = new();

    /// <summary>Adds rows within the transaction that the context is in.</summary>
    public async Task InsertAsync<T>(MumegaDb db, IReadOnlyCollection<T> rows, CancellationToken ct)
        where T : class
    {
        var table = TableOf(db, typeof(T));
        foreach (var part in rows.Chunk(MaxParameters / table.Columns.Length))
        {
            await using var command = Command(db);
            var text = new StringBuilder(table.Insert);
            for (var row = 0; row < part.Length; row++)
            {
                text.Append(row == 0 ? "(" : ",(");
                for (var i = 0; i < table.Columns.Length; i++)
                {
                    var column = table.Columns[i];
                    var name = $"@p{row}_{i}";
                    text.Append(i == 0 ? "" : ",").Append(name);
                    command.Parameters.Add(column.Type.CreateParameter(command, name, column.Read(part[row]), column.Nullable));
                }

                text.Append(')');
            }

            command.CommandText = text.ToString();
            await command.ExecuteNonQueryAsync(ct);
        }
    }

    /// <summary>
    /// Adds a row for each row of an import that can become a packet, within the transaction that the context is in: what all of them have in
    /// common from the pattern, the rest from the import's rows.
    /// </summary>
    /// <param name="db">The open workspace.</param>
    /// <param name="pattern">What they have in common.</param>
    /// <param name="import">Whose rows.</param>
    /// <param name="own">For each property that is the row's own, the property of <see cref="ImportRow"/> that it comes from.</param>
    /// <param name="ct">Cancels.</param>
    public async Task CopyAsync<T>(
        MumegaDb db,
        T pattern,
        PacketImport import,
        IReadOnlyDictionary<string, string> own,
        CancellationToken ct
    )
        where T : class
    {
        var (table, from) = (TableOf(db, typeof(T)), TableOf(db, typeof(ImportRow)));
        await using var command = Command(db);
        var values = new List<string>();
        foreach (var column in table.Columns)
        {
            if (own.TryGetValue(column.Property, out var source))
                values.Add($"r.{from[source].Name}");
            else
                values.Add(Parameter(command, column, column.Read(pattern)));
        }

        command.CommandText =
            $"INSERT INTO {table.Name} ({string.Join(',', table.Columns.Select(c => c.Name))}) SELECT {string.Join(',', values)} FROM {from.Name} r WHERE {OfImport(command, from, import)}";
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Adds the labels of an import's packets, within the transaction that the context is in.</summary>
    public async Task CopyLabelsAsync(MumegaDb db, PacketImport import, CancellationToken ct)
    {
        var (table, from) = (TableOf(db, typeof(PacketLabel)), TableOf(db, typeof(ImportRow)));
        await using var command = Command(db);
        var list = from[nameof(ImportRow.Labels)].Name;
        var (each, label) =
            db.Database.IsSqlite() ? ($", json_each(r.{list}) l", "l.value")
            : db.Database.IsNpgsql() ? ($" CROSS JOIN LATERAL jsonb_array_elements_text(r.{list}::jsonb) l(label)", "l.label")
            : ($" CROSS APPLY OPENJSON(r.{list}) l", "l.value");
        string[] into =
        [
            nameof(PacketLabel.TenantId),
            nameof(PacketLabel.WorkspaceId),
            nameof(PacketLabel.PacketId),
            nameof(PacketLabel.Label),
        ];
        command.CommandText =
            $"INSERT INTO {table.Name} ({string.Join(',', into.Select(c => table[c].Name))}) SELECT r.{from[nameof(ImportRow.TenantId)].Name}, r.{from[nameof(ImportRow.WorkspaceId)].Name}, r.{from[nameof(ImportRow.PacketId)].Name}, {label} FROM {from.Name} r{each} WHERE {OfImport(command, from, import)}";
        await command.ExecuteNonQueryAsync(ct);
    }

    private static string OfImport(DbCommand command, Table from, PacketImport import) =>
        string.Join(
            " AND ",
            $"r.{from[nameof(ImportRow.TenantId)].Name} = {Parameter(command, from[nameof(ImportRow.TenantId)], import.TenantId)}",
            $"r.{from[nameof(ImportRow.WorkspaceId)].Name} = {Parameter(command, from[nameof(ImportRow.WorkspaceId)], import.WorkspaceId)}",
            $"r.{from[nameof(ImportRow.ImportId)].Name} = {Parameter(command, from[nameof(ImportRow.ImportId)], import.Id)}",
            $"r.{from[nameof(ImportRow.FaultsJson)].Name} IS NULL"
        );

    private static string Parameter(DbCommand command, Column column, object? value)
    {
        var name = $"@p{command.Parameters.Count}";
        command.Parameters.Add(column.Type.CreateParameter(command, name, value, column.Nullable));
        return name;
    }

    /// <summary>How many receipts <see cref="PlaceAsync"/> takes at most.</summary>
    public const int MaxPlaces = MaxParameters / 3;

    /// <summary>Gives waiting receipts their places in one statement. Returns how many still waited.</summary>
    public async Task<int> PlaceAsync(MumegaDb db, IReadOnlyList<(ReceiptPlace Place, long Position)> given, CancellationToken ct)
    {
        var table = TableOf(db, typeof(ReceiptPlace));
        Column[] key =
        [
            table[nameof(ReceiptPlace.TenantId)],
            table[nameof(ReceiptPlace.WorkspaceId)],
            table[nameof(ReceiptPlace.ReceiptId)],
        ];
        var position = table[nameof(ReceiptPlace.Position)].Name;
        await using var command = Command(db);
        var rows = new StringBuilder();
        for (var i = 0; i < given.Count; i++)
        {
            rows.Append(i == 0 ? "(" : ",(");
            for (var k = 0; k < key.Length; k++)
            {
                var name = $"@p{i}_{k}";
                command.Parameters.Add(key[k].Type.CreateParameter(command, name, key[k].Read(given[i].Place), nullable: false));
                rows.Append(name).Append(',');
            }

            rows.Append(given[i].Position).Append(')');
        }

        // The whole key, so that each row is found by it however many there are.
        var match = string.Join(" AND ", key.Select((c, k) => $"p.{c.Name} = given.k{k}"));
        command.CommandText = db.Database.IsSqlServer()
            ? $"UPDATE p SET {position} = given.position FROM {table.Name} p INNER JOIN (VALUES {rows}) given(k0, k1, k2, position) ON {match} WHERE p.{position} IS NULL"
            : $"WITH given(k0, k1, k2, position) AS (VALUES {rows}) UPDATE {table.Name} AS p SET {position} = given.position FROM given WHERE {match} AND p.{position} IS NULL";
        return await command.ExecuteNonQueryAsync(ct);
    }

    private static DbCommand Command(MumegaDb db)
    {
        var command = db.Database.GetDbConnection().CreateCommand();
        command.Transaction =
            db.Database.CurrentTransaction?.GetDbTransaction()
            ?? throw new InvalidOperationException("The record is written within a transaction.");
        return command;
    }

    private Table TableOf(MumegaDb db, Type type) =>
        tables.GetOrAdd(
            type,
            _ =>
            {
                var sql = db.GetService<ISqlGenerationHelper>();
                var entity = db.Model.FindEntityType(type)!;
                Column[] columns =
                [
                    .. entity
                        .GetProperties()
                        .Select(p => new Column(
                            p.Name,
                            sql.DelimitIdentifier(p.GetColumnName()),
                            p.GetRelationalTypeMapping(),
                            p.GetGetter().GetClrValue,
                            p.IsNullable
                        )),
                ];
                var name = sql.DelimitIdentifier(entity.GetTableName()!, entity.GetSchema());
                return new(name, $"INSERT INTO {name} ({string.Join(',', columns.Select(c => c.Name))}) VALUES ", columns);
            }
        );

    private sealed record Column(string Property, string Name, RelationalTypeMapping Type, Func<object, object?> Read, bool Nullable);

    private sealed record Table(string Name, string Insert, Column[] Columns)
    {
        public Column this[string property] => Columns.Single(c => c.Property == property);
    }
}
