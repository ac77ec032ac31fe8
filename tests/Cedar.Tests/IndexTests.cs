namespace Mumega.Cedar.Tests;

/// <summary>A large set answers as its policies do one by one.</summary>
public sealed class IndexTests
{
    [Fact]
    public void A_set_decides_as_its_policies_do_one_by_one()
    {
        var generator = new Generator(5);
        var entities = CedarJson.Entities(Generator.Entities);
        var questions = Enumerable.Range(0, 1_500).Select(_ => generator.Question()).ToList();
        var sets = questions.Select(q => q.Parsed).OfType<PolicySet>().ToList();
        var whole = sets.Aggregate((a, b) => a.And(b));
        var alone = whole.Policies.Select(p => PolicySet.Parse(p.Text)).ToList();
        Assert.InRange(alone.Count, 1_000, 10_000);

        foreach (var request in questions.Take(100).Select(q => q.Request))
        {
            var one = whole.Evaluate(request, entities);
            var each = alone.Select(set => set.Evaluate(request, entities)).ToList();
            Assert.Equal(each.SelectMany(e => e.Permits).Select(p => p.Text), one.Permits.Select(p => p.Text));
            Assert.Equal(each.SelectMany(e => e.Forbids).Select(p => p.Text), one.Forbids.Select(p => p.Text));
            Assert.Equal(
                each.SelectMany(e => e.Errors).Select(e => (e.Policy.Text, e.Message)),
                one.Errors.Select(e => (e.Policy.Text, e.Message))
            );
        }
    }

    [Fact]
    public void Many_threads_may_use_one_set()
    {
        var set = PolicySet.Parse(
            string.Join(
                '\n',
                Enumerable
                    .Range(0, 200)
                    .Select(i => $"permit(principal == U::\"{i}\", action, resource) when {{ context.n + 1 == {i + 1} }};")
            )
        );
        Parallel.For(
            0,
            20_000,
            i =>
            {
                var n = i % 200;
                var request = new Request(
                    new("U", $"{n}"),
                    new("Action", "a"),
                    new("R", "r"),
                    new(new Dictionary<string, Value> { ["n"] = Value.Of(n) })
                );
                Assert.Equal([n], set.Evaluate(request, Entities.None).Permits.Select(p => p.Position));
            }
        );
    }

    [Fact]
    public void A_decision_allocates_less_than_a_kilobyte()
    {
        var set = PolicySet.Parse(
            string.Join(
                '\n',
                Enumerable
                    .Range(0, 100)
                    .Select(i =>
                        $"permit(principal in T::\"{i}\", action == Action::\"a\", resource is R) when {{ principal.age + 1 > 30 && context.tags.contains(\"x\") && resource.name like \"n*\" && context.ip.isInRange(ip(\"10.0.0.0/8\")) }};"
                    )
            )
        );
        EntityUid ada = new("U", "ada"),
            doc = new("R", "1");
        var entities = new Entities([
            new(ada, new(new Dictionary<string, Value> { ["age"] = Value.Of(36) }), [new("T", "7"), new("T", "8")]),
            new(doc, new(new Dictionary<string, Value> { ["name"] = Value.Of("nine") }), []),
        ]);
        var request = new Request(
            ada,
            new("Action", "a"),
            doc,
            new(new Dictionary<string, Value> { ["tags"] = Value.SetOf(["x", "y"]), ["ip"] = IpValue.Parse("10.1.2.3") })
        );
        for (var i = 0; i < 100; i++)
            Assert.Equal(2, set.Evaluate(request, entities).Permits.Count);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
            set.Evaluate(request, entities);
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 1_000, 1, 1_023);
    }
}
