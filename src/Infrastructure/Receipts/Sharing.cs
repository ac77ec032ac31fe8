using Microsoft.EntityFrameworkCore;
using Mumega.Domain;
using Mumega.Domain.Identity;
using Mumega.Domain.Partners;
using Mumega.Domain.Policies;
using Mumega.Domain.Receipts;
using Mumega.Infrastructure.Data;
using Mumega.Infrastructure.Runs;

namespace Mumega.Infrastructure.Receipts;

/// <summary>A receipt as a partner gets it: the entry, its place, and the fields that the contract opens.</summary>
public sealed record SharedReceipt(long Position, Receipt Receipt, Disclosure Opened);

/// <summary>Receipts that were shown under a contract, oldest first, and whether there are more.</summary>
public sealed record SharedPage(Contract Contract, IReadOnlyList<SharedReceipt> Receipts, bool More);

/// <summary>
/// Shows sealed receipts to partners under their contracts. What is shown is recorded and committed first; if that can't be done, nothing is shown.
/// </summary>
public sealed class Sharing(Desk desk, Signals signals)
{
    private const int MaxAttempts = 12;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(500);

    /// <summary>The contracts of a partner, in the workspaces that its token names, newest first.</summary>
    public async Task<IReadOnlyList<Contract>> ContractsAsync(Actor by, CancellationToken ct)
    {
        var contracts = new List<Contract>();
        foreach (var workspace in by.Workspaces)
        {
            await using var sitting = await desk.SitAsync(by, workspace, ct);
            if (sitting.Decide(ControlAct.ReadContract).Verdict is Verdict.Deny)
                continue;
            contracts.AddRange(await sitting.Db.Contracts.AsNoTracking().Where(c => c.PartnerId == by.Id).ToListAsync(ct));
        }

        return [.. contracts.OrderByDescending(c => c.CreatedAt)];
    }

    /// <summary>The next receipts after a position, of at most that many; recorded before they are returned. An empty page records nothing.</summary>
    /// <param name="by">The partner.</param>
    /// <param name="workspaceId">Where the contract is.</param>
    /// <param name="contractId">The contract.</param>
    /// <param name="after">A position; 0 for the beginning.</param>
    /// <param name="limit">At most so many.</param>
    /// <param name="way">How they are shown, for the record.</param>
    /// <param name="ct">Cancels.</param>
    /// <param name="upTo">None after this position.</param>
    public async Task<Outcome<SharedPage>> ShowAsync(
        Actor by,
        Guid workspaceId,
        Guid contractId,
        long after,
        int limit,
        string way,
        CancellationToken ct,
        long upTo = long.MaxValue
    )
    {
        for (var attempt = 1; ; attempt++)
        {
            await using var sitting = await desk.SitAsync(by, workspaceId, ct);
            if (sitting.Decide(ControlAct.ReadContract) is { Verdict: Verdict.Deny } no)
                return no.AsRefusal();
            if (await sitting.Db.Contracts.SingleOrDefaultAsync(c => c.Id == contractId && c.PartnerId == by.Id, ct) is not { } contract)
                return new NotFound("contract", contractId.ToString());
            if (contract.Ended(sitting.Now) is { } ended)
                return ended;

            var found = await SliceAsync(sitting.Db, contract, after, upTo, limit + 1, ct);
            var page = new SharedPage(contract, [.. found.Take(limit)], found.Count > limit);
            if (page.Receipts.Count == 0)
                return page;
            if (
                contract.Disclose(by, [.. page.Receipts.Select(r => r.Receipt.Id)], way, sitting.Now).Refused(out var why, out var evidence)
            )
                return why;

            sitting.Db.Add(evidence);
            try
            {
                await sitting.CommitAsync(ct);
                return page;
            }
            catch (Exception e) when (Databases.IsRace(e) && attempt < MaxAttempts)
            {
                // Another access of the same partner was recorded meanwhile; this one comes after it.
                await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(1, 8 * attempt)), ct);
            }
        }
    }

    /// <summary>Every receipt after a position and those to come, as they are sealed. Ends with a refusal when the contract ends.</summary>
    public async IAsyncEnumerable<Outcome<SharedPage>> FollowAsync(
        Actor by,
        Guid workspaceId,
        Guid contractId,
        long after,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct
    )
    {
        while (!ct.IsCancellationRequested)
        {
            var wake = signals.Sealed.Next;
            var outcome = await ShowAsync(by, workspaceId, contractId, after, 100, "subscription", ct);
            if (outcome.Refused(out _, out var page))
            {
                yield return outcome;
                yield break;
            }

            if (page.Receipts.Count == 0)
            {
                await Task.WhenAny(wake, Task.Delay(Poll, desk.Clock, ct));
                continue;
            }

            after = page.Receipts[^1].Position;
            yield return page;
        }
    }

    private static async Task<List<SharedReceipt>> SliceAsync(
        MumegaDb db,
        Contract contract,
        long after,
        long upTo,
        int limit,
        CancellationToken ct
    )
    {
        var (tenant, workspace, kinds, since) = (contract.TenantId, contract.WorkspaceId, contract.SharedKinds, contract.Since);
        var size = Math.Min(await db.LogHeads.Select(h => (long?)h.Size).SingleOrDefaultAsync(ct) ?? 0, upTo);
        var rows = await (
            from place in db.ReceiptPlaces
            where place.TenantId == tenant && place.WorkspaceId == workspace && place.Position > after && place.Position <= size
            join receipt in db.Receipts on place.ReceiptId equals receipt.Id
            where
                kinds.Contains(receipt.Kind)
                && receipt.At > since
                && receipt.Kind != ReceiptKind.Disclosed
                && !receipt.Action.StartsWith(Contract.Family)
            join disclosure in db.Disclosures on receipt.Id equals disclosure.ReceiptId
            orderby place.Position
            select new
            {
                place.Position,
                Receipt = receipt,
                Disclosure = disclosure,
            }
        )
            .AsNoTracking()
            .Take(limit)
            .ToListAsync(ct);
        return [.. rows.Select(r => new SharedReceipt(r.Position!.Value, r.Receipt, r.Disclosure.Only(contract.Opens)))];
    }
}
