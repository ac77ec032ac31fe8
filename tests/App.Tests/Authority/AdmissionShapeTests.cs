using System.Reflection;
using System.Text.RegularExpressions;
using Mumega.Domain.Runs;
using Mumega.Infrastructure.Runs;

namespace Mumega.App.Tests.Authority;

/// <summary>Looks through the compiled code for a way in that is not the one admission.</summary>
public sealed partial class AdmissionShapeTests
{
    private static readonly Assembly[] Ours =
    [
        typeof(Run).Assembly,
        typeof(Kernel).Assembly,
        typeof(Jobs.Worker).Assembly,
        typeof(Api.MumegaHost).Assembly,
    ];

    [Fact]
    public void A_run_begins_and_changes_in_one_place()
    {
        Assert.Equal(["Kernel.ProposeAsync"], Callers(m => m.DeclaringType == typeof(Run) && m.Name == nameof(Run.Propose)));
        Assert.Equal(["Kernel.ReviseAsync"], Callers(m => m.DeclaringType == typeof(Run) && m.Name == nameof(Run.Revise)));
        Assert.Equal(
            ["Kernel.ProposeAsync", "Kernel.ReviseAsync"],
            Callers(m => m.DeclaringType == typeof(Kernel) && m.Name == "AdmitAsync")
        );

        // Whatever brings one about goes through there: requests, undos, elevations, workflows, schedules.
        Assert.Equal(
            [
                "Kernel.ProposeAsync",
                "Kernel.RequestElevationAsync",
                "Kernel.RollBackAsync",
                "Starter.StartAsync",
                "Step.MakeGoodAsync",
                "Step.ProposeAsync",
            ],
            Callers(m => m.DeclaringType == typeof(Kernel) && m.Name == "ProposeAsync" && m.IsStatic)
        );
    }

    private static List<string> Callers(Func<MethodBase, bool> called) =>
        [
            .. Ours.SelectMany(a => a.GetTypes())
                .SelectMany(Methods)
                .Where(m => Calls(m).Any(called))
                .Select(Named)
                .Distinct()
                .Order(StringComparer.Ordinal),
        ];

    private static IEnumerable<MethodBase> Methods(Type type) =>
        type.GetMembers(
                BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly
            )
            .OfType<MethodBase>();

    // Every token that stands where a call could: one too many resolves to nothing, or to something that is not looked for.
    private static IEnumerable<MethodBase> Calls(MethodBase method)
    {
        if (method.GetMethodBody()?.GetILAsByteArray() is not { } code)
            yield break;

        for (var i = 0; i + 4 < code.Length; i++)
        {
            if (code[i] is not (0x28 or 0x6F or 0x73))
                continue;

            MethodBase? found = null;
            try
            {
                found = method.Module.ResolveMethod(
                    BitConverter.ToInt32(code, i + 1),
                    method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null,
                    method.IsGenericMethod ? method.GetGenericArguments() : null
                );
            }
            catch (Exception e) when (e is ArgumentException or BadImageFormatException)
            {
                // No call after all.
            }

            if (found is not null)
                yield return found;
        }
    }

    // The compiler moves bodies into types and methods of its own, named after where they were written.
    private static string Named(MethodBase method)
    {
        var (type, name) = (
            method.DeclaringType!,
            Written().Match($"{method.DeclaringType!.Name}{method.Name}") is { Success: true } written
                ? written.Groups[1].Value
                : method.Name
        );
        while (type.DeclaringType is { } outer && type.Name.StartsWith('<'))
            type = outer;
        return $"{type.Name}.{name}";
    }

    [GeneratedRegex("<+([A-Za-z]+)>")]
    private static partial Regex Written();
}
